"""Limits how many parts wait for images that do not arrive; the others are released."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.protocol.messages import Priority
from worker.batching.policy import PartRef

PATIENCE_S = 3.0
"""A part is stalled if no image has arrived for this long. A worker that drains waits as long."""


class PartReleased(Exception):
    """The part only waits for images: this worker returns it, and repair resends it."""


@dataclass(slots=True, eq=False)
class FetchingPart:
    """A part that waits for images from these hosts."""

    part: PartRef
    hosts: frozenset[str]
    arrived_at: float = field(default_factory=time.monotonic)


class FetchingParts:
    """The parts of a worker that wait for images. Thread-safe.

    Stalled interactive parts hold at most half of the threads that run parts, stalled bulk parts at
    most a quarter. One job has at most half of that, one API key three quarters. A worker with few
    threads allows one of each.
    """

    def __init__(self, threads: int) -> None:
        self._max_stalled = {
            Priority.INTERACTIVE: max(1, threads // 2),
            Priority.BULK: max(1, threads // 4),
        }
        self._stalled: list[FetchingPart] = []
        self._lock = threading.Lock()
        self._drained_at = float("inf")

    def drain(self) -> None:
        """After `PATIENCE_S`, release the parts that still wait."""
        self._drained_at = time.monotonic() + PATIENCE_S

    @contextmanager
    def waiting(self, part: PartRef, hosts: frozenset[str]) -> Iterator[FetchingPart]:
        """The context in which a part waits for images.

        Raises:
            PartReleased: stalled parts of its job or hosts already use up the limit.
        """
        fetching = FetchingPart(part, hosts)
        with self._lock:
            alike = any(
                stalled.part.job == part.job or not stalled.hosts.isdisjoint(hosts)
                for stalled in self._stalled
            )
            if alike and not self._has_room(part):
                raise PartReleased
        try:
            yield fetching
        finally:
            with self._lock:
                if fetching in self._stalled:
                    self._stalled.remove(fetching)

    def check(self, fetching: FetchingPart, *, has_arrived: bool) -> None:
        """Call it periodically while a part waits.

        Raises:
            PartReleased: too many parts have stalled, or the worker drains.
        """
        now = time.monotonic()
        if now >= self._drained_at:
            raise PartReleased
        if has_arrived:
            fetching.arrived_at = now
        elif now - fetching.arrived_at > PATIENCE_S:
            with self._lock:
                if fetching in self._stalled:
                    return
                if not self._has_room(fetching.part):
                    raise PartReleased
                self._stalled.append(fetching)

    def _has_room(self, part: PartRef) -> bool:
        max_stalled = self._max_stalled[part.priority]
        stalled = [one.part for one in self._stalled if one.part.priority is part.priority]
        of_job = sum(one.job == part.job for one in stalled)
        of_owner = sum(one.owner == part.owner for one in stalled)
        return (
            len(stalled) < max_stalled
            and not (part.owner and of_owner >= max(1, max_stalled * 3 // 4))
            and of_job < max(1, max_stalled // 2)
        )
