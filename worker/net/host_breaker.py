"""A circuit breaker for hosts that time out repeatedly."""

import threading
import time
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

MAX_TIMEOUTS = 3
FORGET_AFTER_S = 3600.0


@dataclass(slots=True)
class _Timeouts:
    in_a_row: int
    last: float


class HostBreaker:
    """A circuit breaker for each host. Thread-safe.

    Three timeouts in a row open it: the host gets no requests for `pause_s` seconds. Then it is on
    probation, with one request at a time: an answer closes the breaker, a timeout opens it again.
    """

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._hosts: dict[str, _Timeouts] = {}
        self._lock = threading.Lock()

    def is_open(self, host: str) -> bool:
        with self._lock:
            return self._is_open(host)

    def open_hosts(self) -> set[str]:
        with self._lock:
            return {host for host in self._hosts if self._is_open(host)}

    def is_on_probation(self, host: str) -> bool:
        """Whether the host has not answered since its breaker opened."""
        with self._lock:
            found = self._hosts.get(host)
            return found is not None and found.in_a_row >= MAX_TIMEOUTS

    def answered(self, host: str) -> None:
        with self._lock:
            self._hosts.pop(host, None)

    def timed_out(self, host: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._forget_before(now - FORGET_AFTER_S)
            found = self._hosts.setdefault(host, _Timeouts(0, now))
            found.in_a_row += 1
            found.last = now
            in_a_row = found.in_a_row
        if in_a_row == MAX_TIMEOUTS:
            log.warning("host_hangs", host=host, pause_s=self._pause_s)

    def _is_open(self, host: str) -> bool:
        found = self._hosts.get(host)
        if found is None or found.in_a_row < MAX_TIMEOUTS:
            return False
        return time.monotonic() - found.last < self._pause_s

    def _forget_before(self, instant: float) -> None:
        """Forget old entries, because a client can invent any number of hosts."""
        self._hosts = {host: found for host, found in self._hosts.items() if found.last > instant}
