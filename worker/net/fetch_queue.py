"""Which images are fetched next: bounded for each host, each job and each priority."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from worker.batching.policy import PartRef
from worker.net.host_breaker import HostBreaker

JOB_SHARE = 4
"""One job has at most a quarter of the threads."""


@dataclass(slots=True, eq=False)
class Fetch:
    """An image to be fetched; `use` makes the result of its bytes and the seconds they took.

    Its result is pending until the very end, so that it can be cancelled at any time.
    """

    url: str
    host: str
    part: PartRef
    use: Callable[[bytes, float], Any]
    left_s: float
    redirects: int = 0
    since: float = field(default_factory=time.monotonic)
    result: Future[Any] = field(default_factory=Future)


class FetchQueue:
    """Fetches that wait, without a thread, until they may start. Safe to use from many threads."""

    def __init__(self, threads: int, per_host: int, breaker: HostBreaker) -> None:
        self._threads = threads
        self._per_host = per_host
        self._breaker = breaker
        # By job and host: what is alike waits in one line, and only its first is looked at.
        self._waiting: dict[tuple[str, str], deque[Fetch]] = {}
        self._busy: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def add(self, fetch: Fetch) -> None:
        with self._lock:
            self._waiting.setdefault((fetch.part.job, fetch.host), deque()).append(fetch)

    def take(self) -> tuple[list[Fetch], list[Fetch]]:
        """The fetches to start now, and those whose host is not asked at the moment."""
        started: list[Fetch] = []
        hopeless: list[Fetch] = []
        with self._lock:
            for line in list(self._waiting):
                if self._breaker.is_open(line[1]):
                    hopeless += self._waiting.pop(line)
            while fetch := self._next():
                self._busy.update([("host", fetch.host), *_of_threads(fetch)])
                started.append(fetch)
        return started, hopeless

    def leave_host(self, fetch: Fetch) -> None:
        self._free([("host", fetch.host)])

    def leave_thread(self, fetch: Fetch) -> None:
        self._free(_of_threads(fetch))

    def _next(self) -> Fetch | None:
        """Take the first that may start, of the job that has the fewest under way."""
        for line, fetches in list(self._waiting.items()):
            while fetches and fetches[0].result.cancelled():
                fetches.popleft()
            if not fetches:
                del self._waiting[line]
        ready = (line for line, fetches in self._waiting.items() if self._may_start(fetches[0]))
        first = min(ready, key=lambda line: self._busy["job", line[0]], default=None)
        return self._waiting[first].popleft() if first else None

    def _may_start(self, fetch: Fetch) -> bool:
        job, priority = _of_threads(fetch)
        if (
            self._busy[job] >= max(1, self._threads // JOB_SHARE)
            or self._busy[priority] >= self._threads
        ):
            return False
        per_host = 1 if self._breaker.is_on_probation(fetch.host) else self._per_host
        return self._busy["host", fetch.host] < per_host

    def _free(self, keys: list[Hashable]) -> None:
        with self._lock:
            self._busy.subtract(keys)
            for key in keys:
                if not self._busy[key]:
                    del self._busy[key]


def _of_threads(fetch: Fetch) -> list[Hashable]:
    return [("job", fetch.part.job), ("priority", fetch.part.priority)]
