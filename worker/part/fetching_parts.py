"""How many parts may wait for images that do not arrive: the others are let go."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.protocol.messages import Priority
from worker.batching.policy import PartRef

PATIENCE_S = 3.0
"""A part is stalled once none of its images arrived for so long. As long waits a worker that
ends."""


class LetGo(Exception):
    """The part only waits for images: it is given back, and repair sends it again."""


@dataclass(slots=True, eq=False)
class FetchingPart:
    """A part that waits for images of these hosts."""

    part: PartRef
    hosts: frozenset[str]
    arrived_at: float = field(default_factory=time.monotonic)


class FetchingParts:
    """The parts of a worker that wait for images. Safe to use from many threads.

    Of the threads that run parts, at most half are held by stalled interactive parts, at most a
    quarter by stalled bulk parts. Of these, one job has at most half, and the jobs of an API key
    have three quarters. A worker with few threads allows one of each.
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
        """Let go, in a while, of what is still fetching."""
        self._drained_at = time.monotonic() + PATIENCE_S

    @contextmanager
    def waiting(self, part: PartRef, hosts: frozenset[str]) -> Iterator[FetchingPart]:
        """While a part waits for images.

        Raises:
            LetGo: it would stall like others that hold as much as they may.
        """
        fetching = FetchingPart(part, hosts)
        with self._lock:
            alike = any(
                stalled.part.job == part.job or not stalled.hosts.isdisjoint(hosts)
                for stalled in self._stalled
            )
            if alike and not self._has_room(part):
                raise LetGo
        try:
            yield fetching
        finally:
            with self._lock:
                if fetching in self._stalled:
                    self._stalled.remove(fetching)

    def check(self, fetching: FetchingPart, *, has_arrived: bool) -> None:
        """To be called now and then while a part waits.

        Raises:
            LetGo: it has stalled beside too many others, or the worker is ending.
        """
        now = time.monotonic()
        if now >= self._drained_at:
            raise LetGo
        if has_arrived:
            fetching.arrived_at = now
        elif now - fetching.arrived_at > PATIENCE_S:
            with self._lock:
                if fetching in self._stalled:
                    return
                if not self._has_room(fetching.part):
                    raise LetGo
                self._stalled.append(fetching)

    def _has_room(self, part: PartRef) -> bool:
        most = self._max_stalled[part.priority]
        stalled = [one.part for one in self._stalled if one.part.priority is part.priority]
        of_job = sum(one.job == part.job for one in stalled)
        of_owner = sum(one.owner == part.owner for one in stalled)
        return (
            len(stalled) < most
            and not (part.owner and of_owner >= max(1, most * 3 // 4))
            and of_job < max(1, most // 2)
        )
