"""When hosts that answer "too many requests" are retried, and with how many requests at once."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MIN_PAUSE_S = 0.2
MAX_PAUSE_S = 60.0
"""A host that has only refused for this long, or asks for a longer pause, is not retried."""
FORGET_AFTER_S = 3600.0


@dataclass(slots=True)
class _Pace:
    """`answers` counts the answers since the last change of the limit."""

    limit: int
    answers: int = 0
    resumes_at: float = 0.0
    refused_since: float | None = None
    changed_at: float = 0.0


class HostPace:
    """How many requests a host gets at once: `per_host`, and fewer if it refuses some.

    The limit is halved when a host refuses, and grows by one after as many answers as the limit.
    Thread-safe.
    """

    def __init__(self, per_host: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_host = per_host
        self._clock = clock
        self._hosts: dict[str, _Pace] = {}
        self._lock = threading.Lock()

    def limit(self, host: str) -> int:
        """The maximum number of concurrent requests; 0 during a pause."""
        with self._lock:
            pace = self._hosts.get(host)
            if pace is None:
                return self._per_host
            return pace.limit if pace.resumes_at <= self._clock() else 0

    def refused(self, host: str, retry_after_s: float | None) -> float | None:
        """Record that a host refused a request, with its `Retry-After` in seconds.

        Returns the time of the next request; None if the host is not retried.
        """
        now = self._clock()
        with self._lock:
            self._forget_before(now - FORGET_AFTER_S)
            pace = self._hosts.setdefault(host, _Pace(self._per_host))
            if now - max(pace.changed_at, pace.resumes_at) > MAX_PAUSE_S:
                pace.refused_since = None  # not asked since, or other errors
            pace.changed_at = now
            if pace.resumes_at <= now:  # concurrent requests were refused for the same reason
                pace.limit = max(1, pace.limit // 2)
                pace.answers = 0
            if pace.refused_since is None:
                pace.refused_since = now
            if retry_after_s is None:
                return None
            resumes_at = now + max(retry_after_s, MIN_PAUSE_S)
            if resumes_at - pace.refused_since > MAX_PAUSE_S:
                return None
            pace.resumes_at = max(pace.resumes_at, resumes_at)
            return pace.resumes_at

    def answered(self, host: str) -> None:
        with self._lock:
            pace = self._hosts.get(host)
            if pace is None:
                return
            pace.refused_since = None
            pace.answers += 1
            if pace.answers >= pace.limit:
                pace.limit, pace.answers = pace.limit + 1, 0
            if pace.limit >= self._per_host and pace.resumes_at <= self._clock():
                del self._hosts[host]

    def _forget_before(self, at: float) -> None:
        """Forget old hosts, because a client can name any number of them."""
        self._hosts = {host: pace for host, pace in self._hosts.items() if pace.changed_at > at}


def seconds_until(retry_after: str) -> float | None:
    """`Retry-After`, a number or a date, in seconds from now; None if it is neither.

    Some servers send fractions of seconds.
    """
    text = retry_after.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text[:9])
    with suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return None
