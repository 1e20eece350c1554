"""Which images are fetched next: bounded for each host, job, API key and priority."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from common.protocol.messages import Priority
from worker.batching.policy import PartRef
from worker.net.host_breaker import HostBreaker
from worker.net.host_pace import HostPace

MAX_REFUSALS = 20
"""An image that its host refuses more often than this fails."""
JOB_SHARE, OWNER_SHARE = 4, 2
"""One job has at most a quarter of the threads of its priority, the jobs of an API key half."""

_Job: TypeAlias = tuple[Priority, str, str]
"""A job, after its priority and its owner. What begins alike is counted together."""


@dataclass(slots=True, eq=False)
class Fetch:
    """An image to fetch; `use` turns its bytes and the seconds they took into the result.

    Its result stays pending until the end, so that it can be cancelled at any time. `address` is
    that of its host, once connected.
    """

    url: str
    host: str
    part: PartRef
    use: Callable[[bytes, float], Any]
    left_s: float
    request_id: str = ""
    redirects: int = 0
    refusals: int = 0
    address: str = ""
    asked_at: float | None = None
    since: float = field(default_factory=time.monotonic)
    result: Future[Any] = field(default_factory=Future)


class FetchQueue:
    """Fetches that wait, without a thread, until they may start. Safe to use from many threads.

    The owner that has the fewest under way is next, and of its jobs the one that has the fewest.
    Where no keys are asked for there is one owner, to whom all threads belong.
    """

    def __init__(self, threads: int, per_host: int, breaker: HostBreaker) -> None:
        self._threads = threads
        self._breaker = breaker
        self.pace = HostPace(per_host)
        # By job, then by host: fetches of the same job and host form one queue, of which only the
        # first is checked.
        self._waiting: dict[_Job, dict[str, deque[Fetch]]] = {}
        self._unreachable: list[Fetch] = []
        self._busy: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def add(self, fetch: Fetch) -> None:
        with self._lock:
            if self._breaker.is_open(fetch.host):
                self._unreachable.append(fetch)
                return
            line = self._waiting.setdefault(_job_of(fetch), {}).setdefault(fetch.host, deque())
            if fetch.refusals:  # it has waited longest
                line.appendleft(fetch)
            else:
                line.append(fetch)

    def refuse(self, fetch: Fetch, retry_after_s: float | None) -> tuple[float | None, bool]:
        """Record that the host refused a fetch; all fetches of the host wait until it is retried.

        Returns the time of that, if there is one, and whether this fetch is retried then too.
        """
        resumes_at = self.pace.refused(fetch.host, retry_after_s)
        if resumes_at is None:
            return None, False
        with self._lock:
            self._drop_late(fetch.host, resumes_at)
        fetch.refusals += 1
        is_late = fetch.part.deadline <= resumes_at
        return resumes_at, not is_late and fetch.refusals <= MAX_REFUSALS

    def take(self) -> tuple[list[Fetch], list[Fetch]]:
        """The fetches to start now, and those whose host is not asked at the moment."""
        started: list[Fetch] = []
        with self._lock:
            while fetch := self._next():
                self._busy.update([("host", fetch.host), *_holders(fetch)])
                started.append(fetch)
            unreachable, self._unreachable = self._unreachable, []
        return started, unreachable

    def leave_host(self, fetch: Fetch) -> None:
        with self._lock:
            self._free([("host", fetch.host)])
            # Only a fetch of the host can have opened its breaker.
            if self._breaker.is_open(fetch.host):
                for lines in self._waiting.values():
                    self._unreachable += lines.pop(fetch.host, ())

    def leave_thread(self, fetch: Fetch) -> None:
        with self._lock:
            self._free(_holders(fetch))

    def _drop_late(self, host: str, at: float) -> None:
        """Fail what must be done by then at once, so that its request does not wait in vain."""
        for lines in self._waiting.values():
            line = lines.pop(host, ())
            self._unreachable += [fetch for fetch in line if fetch.part.deadline <= at]
            if in_time := deque(fetch for fetch in line if fetch.part.deadline > at):
                lines[host] = in_time

    def _next(self) -> Fetch | None:
        """Take the first that may start."""
        ready = [job for job in self._waiting if self._has_thread(job)]
        for job in sorted(ready, key=lambda job: (self._busy[job[:2]], self._busy[job])):
            lines = self._waiting[job]
            fetch = self._first(lines)
            if not lines:
                del self._waiting[job]
            if fetch:
                return fetch
        return None

    def _first(self, lines: dict[str, deque[Fetch]]) -> Fetch | None:
        # A URL without a host has an empty one.
        while (host := next(filter(self._may_be_asked, lines), None)) is not None:
            fetch = lines[host].popleft()
            if not lines[host]:
                del lines[host]
            if not fetch.result.cancelled():
                return fetch
        return None

    def _has_thread(self, job: _Job) -> bool:
        of_priority, of_owner = job[:1], job[:2]
        is_owned = bool(job[1])
        return (
            self._busy[of_priority] < self._threads
            and not (is_owned and self._busy[of_owner] >= max(1, self._threads // OWNER_SHARE))
            and self._busy[job] < max(1, self._threads // JOB_SHARE)
        )

    def _may_be_asked(self, host: str) -> bool:
        busy = self._busy["host", host]
        at_once = self.pace.limit(host)
        return busy < (min(1, at_once) if self._breaker.is_on_probation(host) else at_once)

    def _free(self, keys: list[Hashable]) -> None:
        self._busy.subtract(keys)
        for key in keys:
            if not self._busy[key]:
                del self._busy[key]


def _job_of(fetch: Fetch) -> _Job:
    return fetch.part.priority, fetch.part.owner, fetch.part.job


def _holders(fetch: Fetch) -> list[Hashable]:
    """Whose threads a fetch takes: those of its priority, its owner and its job."""
    job = _job_of(fetch)
    return [job[:1], job[:2], job]
