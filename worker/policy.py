"""What goes into the next batch: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Origin:
    """The part that an item belongs to; `deadline` is an instant of time.monotonic().

    Items of a part that goes `alone` share a batch with no other part's.
    """

    job: str = ""
    part: int = 0
    deadline: float = float("inf")
    is_urgent: bool = True
    alone: bool = False


class Waiting(Protocol):
    """What the policy looks at in a waiting item."""

    @property
    def kind(self) -> str: ...

    @property
    def origin(self) -> Origin: ...


Entry = TypeVar("Entry", bound=Waiting)


@dataclass(frozen=True, slots=True)
class Choice:
    """The indices of the waiting items to encode now, and of those that are too late."""

    batch: tuple[int, ...]
    late: tuple[int, ...]


def choose(
    waiting: Sequence[Entry], sizes: dict[str, int], now: float, *, urgent_lead: bool
) -> Choice:
    """The next batch: as many items as fit with the one that has waited longest.

    Urgent items go first where they lead, the others where they do not; let them lead in turns,
    and neither delays the other by more than a batch. Waits for nobody: a batch is whatever is
    there. Items whose deadline has passed are left out of every batch.
    """
    late = tuple(i for i, entry in enumerate(waiting) if entry.origin.deadline <= now)
    alive = [i for i, entry in enumerate(waiting) if entry.origin.deadline > now]
    if not alive:
        return Choice((), late)
    # Python's sort is stable: among equals, who came first goes first.
    order = sorted(alive, key=lambda index: waiting[index].origin.is_urgent != urgent_lead)
    first = _company(waiting[order[0]])
    batch = [index for index in order if _company(waiting[index]) == first]
    return Choice(tuple(batch[: sizes[first[0]]]), late)


def halved(size: int) -> int:
    """The batch size after one that did not fit into memory."""
    return max(1, size // 2)


def _company(entry: Waiting) -> tuple[str, Origin | None]:
    """Items of equal company may share a batch."""
    return entry.kind, entry.origin if entry.origin.alone else None
