"""The targets of throughput at 32 connections, by model and precision."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from bench.bars import Bar, Verdict, at_least, at_most
from bench.figures import Series, p99_ratio, rate_ratio
from bench.opponents import PEERS

JUDGED_AT = 32
ByContender = Mapping[str, Series]


def service_in(dtype: str) -> str:
    return f"this service, {dtype}"


def bare_in(dtype: str) -> str:
    return f"bare model, {dtype}"


class Against(Enum):
    """What a target compares the service with."""

    BARE = auto()
    """The rate of the bare model in the same precision."""
    PEER_RATE = auto()
    """That of the peer with the highest rate."""
    PEER_P99 = auto()
    """The p99 of the peer with the lowest."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target of the service with one model in one precision."""

    model: str
    dtype: str
    against: Against
    bar: Bar

    def judge(self, at: ByContender) -> Verdict:
        other = self._other(at)
        mine = at.get(service_in(self.dtype))
        whom = other.contender if other else self.against.name.lower().replace("_", " ")
        what = "p99" if self.against is Against.PEER_P99 else "images/s"
        title = f"{self.model}, {self.dtype}: {what} against {whom}"
        if not (mine and other):
            return Verdict(title, self.bar, missing="-")
        compare = p99_ratio if self.against is Against.PEER_P99 else rate_ratio
        return Verdict(title, self.bar, mine.against(other, compare))

    def _other(self, at: ByContender) -> Series | None:
        if self.against is Against.BARE:
            return at.get(bare_in(self.dtype))
        peers = [at[name] for name in PEERS if name in at]
        if self.against is Against.PEER_RATE:
            return max(peers, key=lambda peer: peer.rate, default=None)
        return min(peers, key=lambda peer: peer.p99_ms, default=None)


TARGETS = (
    Target("tinyclip-8m-16", "float32", Against.BARE, at_least(0.85)),
    Target("tinyclip-8m-16", "float32", Against.PEER_RATE, at_least(1.4)),
    Target("tinyclip-8m-16", "int8", Against.PEER_RATE, at_least(2)),
    Target("vit-b-32", "float32", Against.BARE, at_least(0.92)),
    Target("vit-b-32", "float32", Against.PEER_RATE, at_least(1.2)),
    Target("vit-b-32", "bfloat16", Against.PEER_RATE, at_least(1.8)),
    Target("vit-b-32", "int8", Against.BARE, at_least(0.85)),
    Target("vit-b-32", "int8", Against.PEER_RATE, at_least(2.5)),
    Target("vit-b-32", "int8", Against.PEER_P99, at_most(0.45)),
)


def judge(model: str, at: ByContender) -> list[Verdict]:
    """The verdicts on a model from its figures at 32 connections, if it has targets."""
    return [target.judge(at) for target in TARGETS if target.model == model]
