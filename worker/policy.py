"""What goes into the next batch: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Waiting(Protocol):
    """What the policy looks at in a waiting item."""

    @property
    def kind(self) -> str: ...

    @property
    def deadline(self) -> float: ...

    @property
    def is_urgent(self) -> bool: ...


Entry = TypeVar("Entry", bound=Waiting)


@dataclass(frozen=True, slots=True)
class Choice:
    """The indices of the waiting items to encode now, and of those that are too late."""

    batch: tuple[int, ...]
    late: tuple[int, ...]


def choose(waiting: Sequence[Entry], sizes: dict[str, int], now: float) -> Choice:
    """The next batch: as many items as fit of the kind that has waited longest, urgent ones first.

    Waits for nobody: a batch is whatever is there. Items whose deadline has passed are left out of
    every batch.
    """
    late = tuple(index for index, entry in enumerate(waiting) if entry.deadline <= now)
    alive = [index for index, entry in enumerate(waiting) if entry.deadline > now]
    if not alive:
        return Choice((), late)
    # Python's sort is stable: among equals, who came first goes first.
    order = sorted(alive, key=lambda index: not waiting[index].is_urgent)
    kind = waiting[order[0]].kind
    batch = [index for index in order if waiting[index].kind == kind][: sizes[kind]]
    return Choice(tuple(batch), late)


def halved(size: int) -> int:
    """The batch size after one that did not fit into memory."""
    return max(1, size // 2)
