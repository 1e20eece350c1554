"""What the batcher does while memory is short: smaller batches, and another try later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

GROW_AFTER_S = 60.0
"""Without a shortage for this long, a batch size is doubled."""
PAUSES_S = (0.25, 0.5, 1.0, 2.0)
"""Before each further try of an item that does not fit alone."""

Entry = TypeVar("Entry")


class BatchSizes:
    """The maximum batch size of each kind of item: lowered when memory is short, then raised."""

    def __init__(self, configured: Mapping[str, int]) -> None:
        self.configured = dict(configured)
        self.current = dict(configured)
        self._changed_at = dict.fromkeys(configured, 0.0)

    def lower(self, kind: str, size: int, now: float) -> None:
        self.current[kind] = min(self.current[kind], size)
        self._changed_at[kind] = now

    def raise_after_good_batch(self, kind: str, now: float) -> bool:
        """Double a lowered size that has been good for a while. Whether it was."""
        if self.current[kind] >= self.configured[kind]:
            return False
        if now - self._changed_at[kind] < GROW_AFTER_S:
            return False
        self.current[kind] = min(self.configured[kind], 2 * self.current[kind])
        self._changed_at[kind] = now
        return True


@dataclass(slots=True)
class _Deferred(Generic[Entry]):
    entry: Entry
    due: float


@dataclass(slots=True)
class DeferredEntries(Generic[Entry]):
    """Items that wait for memory, each with the time of its next try."""

    _waiting: list[_Deferred[Entry]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry: Entry, failures: int, deadline: float, now: float) -> bool:
        """Defer an item after so many tries; False if it has been tried often enough."""
        if failures > len(PAUSES_S):
            return False
        self._waiting.append(_Deferred(entry, min(now + PAUSES_S[failures - 1], deadline)))
        return True

    def take_due(self, now: float) -> list[Entry]:
        """The items to try again now, which no longer wait here."""
        due = [each.entry for each in self._waiting if each.due <= now]
        self._waiting = [each for each in self._waiting if each.due > now]
        return due

    def take_all(self) -> list[Entry]:
        return self.take_due(float("inf"))

    def next_due_s(self, now: float) -> float | None:
        """Seconds until the next try; None if no item waits."""
        return min((max(0.0, each.due - now) for each in self._waiting), default=None)
