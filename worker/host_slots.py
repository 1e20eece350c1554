"""A bounded number of fetches at once from each host."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import FetchTimeout


class HostSlots:
    """Gives out at most so many slots for each host. Safe to use from many threads."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._busy: Counter[str] = Counter()
        self._freed = threading.Condition()

    @contextmanager
    def slot(self, host: str, timeout_s: float) -> Iterator[None]:
        """Hold one of the host's slots. Raises FetchTimeout when none gets free in time."""
        with self._freed:
            if not self._freed.wait_for(lambda: self._busy[host] < self._per_host, timeout_s):
                raise FetchTimeout
            self._busy[host] += 1
        try:
            yield
        finally:
            with self._freed:
                self._busy[host] -= 1
                if not self._busy[host]:
                    del self._busy[host]
                self._freed.notify_all()
