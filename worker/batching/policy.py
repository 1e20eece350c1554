"""Which items go into the next batch: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, TypeVar

from common.protocol.messages import Priority


@dataclass(frozen=True, slots=True)
class PartRef:
    """The part that an item belongs to; `deadline` is an instant of time.monotonic().

    Items of an `isolated` part never share a batch with other parts. The `owner` stands for the API
    key of the job; it is empty where no keys are required.
    """

    job: str = ""
    part: int = 0
    deadline: float = float("inf")
    priority: Priority = Priority.INTERACTIVE
    isolated: bool = False
    owner: str = ""


class Waiting(Protocol):
    """What the policy reads of a waiting item."""

    @property
    def kind(self) -> str: ...

    @property
    def part(self) -> PartRef: ...

    @property
    def weight(self) -> int: ...


Entry = TypeVar("Entry", bound=Waiting)


@dataclass(frozen=True, slots=True)
class Choice:
    """The indices of the waiting items to encode now, and of those that are too late."""

    batch: tuple[int, ...]
    late: tuple[int, ...]


def choose(waiting: Sequence[Entry], sizes: dict[str, int], now: float, first: Priority) -> Choice:
    """The next batch: the item that has waited longest, and all that fit with it.

    Items of the `first` priority come first; alternate it, and neither priority delays the other by
    more than a batch, or two where one is started while another runs. Items whose deadline has
    passed are never in a batch. Each item counts as much as the heaviest of its batch, because
    texts are padded to the longest.
    """
    late = tuple(i for i, entry in enumerate(waiting) if entry.part.deadline <= now)
    alive = [i for i, entry in enumerate(waiting) if entry.part.deadline > now]
    if not alive:
        return Choice((), late)
    # Python's sort is stable: within a priority the order is first come, first served.
    order = sorted(alive, key=lambda index: waiting[index].part.priority is not first)
    key = _batch_key(waiting[order[0]])
    batch = [index for index in order if _batch_key(waiting[index]) == key]
    heaviest = accumulate((waiting[index].weight for index in batch), max)
    fitting = sum(
        count == 1 or count * weight <= sizes[key[0]] for count, weight in enumerate(heaviest, 1)
    )
    return Choice(tuple(batch[:fitting]), late)


def other(priority: Priority) -> Priority:
    """The other priority."""
    interactive = priority is Priority.INTERACTIVE
    return Priority.BULK if interactive else Priority.INTERACTIVE


def halved(size: int) -> int:
    """The batch size after a batch that did not fit into memory."""
    return max(1, size // 2)


def _batch_key(entry: Waiting) -> tuple[str, PartRef | None]:
    """Items with equal keys may share a batch."""
    return entry.kind, entry.part if entry.part.isolated else None
