"""Images per second of the bare model, this service and its peers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.agreement import largest_difference
from bench.bars import Bar, Verdict, at_least, at_most
from bench.contender import Contender, Server, ended_in_the_end
from bench.figures import Series, p99_ratio, rate_ratio
from bench.images import PHOTO, THUMBNAIL
from bench.limit import Bare
from bench.models import folder_of
from bench.opponents import PEERS, NotInstalled
from bench.processes import DidNotStart
from bench.rounds import measured
from bench.rows.row import Bench, Result
from bench.service import Plan
from bench.wire import RANK

JUDGED_AT = 32
BARE, SERVICE = "bare model", "this service"
AGAINST_BARE = {"tinyclip-8m-16": at_least(0.85), "vit-b-32": at_least(0.92)}
AGAINST_PEERS = at_least(1.4)
P99_AGAINST_PEERS = at_most(0.6)
KINDS = {"demo": THUMBNAIL, "tinyclip-8m-16": PHOTO, "vit-b-32": PHOTO}

ByContender = Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class Contest:
    """One model and the servers of it."""

    bench: Bench
    model: str
    contenders: dict[str, Contender] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def run(self) -> Result:
        self.bench.progress.say(f"throughput of {self.model}")
        options = self.bench.options
        with ended_in_the_end(self.contenders):
            self._start()
            self._compare_answers()
            points = {
                connections: measured(self.contenders, connections, options, self.bench.progress)
                for connections in options.connections
            }
        series = [one for by_contender in points.values() for one in by_contender.values()]
        verdicts = _judge(self.model, points.get(JUDGED_AT, {}))
        return Result(f"throughput, {self.model}", series, verdicts, self.notes)

    def _start(self) -> None:
        """One after the other: some measure at their start what suits them."""
        bench, folder, kind = self.bench, folder_of(self.model), KINDS[self.model]
        plan = Plan(str(folder), kind=kind)
        if bench.options.fake:
            self._add(SERVICE, bench.service(plan))
            return
        bench.progress.say("  looking for the bare model's best batch size")
        bare = Bare(folder, kind, bench.folder, min(1.0, bench.options.seconds / 4))
        self._add(BARE, bare)
        self.notes[f"batch size of the {BARE}"] = str(bare.batch)
        self._add(SERVICE, bench.service(plan))
        for name, start in PEERS.items():
            bench.progress.say(f"  starting {name}")
            try:
                self._add(name, start(folder, kind, bench.folder, bare.batch))
            except (NotInstalled, DidNotStart) as error:
                self.notes[name] = str(error).splitlines()[0]
                bench.progress.say(f"  {name}: {error}")

    def _compare_answers(self) -> None:
        servers = [
            contender
            for contender in self.contenders.values()
            if isinstance(contender, Server) and contender.address.path == RANK
        ]
        difference = largest_difference(servers, KINDS[self.model])
        self.notes["largest difference of a cosine similarity"] = f"{difference:.1g}"

    def _add(self, name: str, contender: Contender) -> None:
        self.contenders[name] = contender
        contender.pause()


def run(bench: Bench) -> list[Result]:
    return [Contest(bench, model).run() for model in bench.options.models]


def _judge(model: str, at: ByContender) -> list[Verdict]:
    """For the models that have bars, the rows at 32 connections."""
    if model not in AGAINST_BARE:
        return []
    peers = [at[name] for name in PEERS if name in at]
    mine, bare = at.get(SERVICE), at.get(BARE)
    fastest = max(peers, key=lambda peer: peer.rate, default=None)
    promptest = min(peers, key=lambda peer: peer.p99_ms, default=None)
    ratio = mine.against(bare, rate_ratio) if mine and bare else None
    gain = mine.against(fastest, rate_ratio) if mine and fastest else None
    tail = mine.against(promptest, p99_ratio) if mine and promptest else None
    vs_fastest = f" ({fastest.contender})" if fastest else ""
    vs_promptest = f" ({promptest.contender})" if promptest else ""
    return [
        _verdict(f"{model}, 32 connections: against the bare model", AGAINST_BARE[model], ratio),
        _verdict(f"{model}: against the best peer{vs_fastest}", AGAINST_PEERS, gain),
        _verdict(f"{model}: p99 against the best peer{vs_promptest}", P99_AGAINST_PEERS, tail),
    ]


def _verdict(what: str, bar: Bar, measured_ratio: float | None) -> Verdict:
    if measured_ratio is None:
        return Verdict(what, bar, missing="-")
    return Verdict(what, bar, measured_ratio)
