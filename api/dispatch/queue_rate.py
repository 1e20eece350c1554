"""How fast the queue drains, and when a refused client should retry."""

import math
from collections import deque

from common.ledger.records import Load

WINDOW_S = 30.0
MEASURED_S = 5.0
"""The minimum time over which a rate is measured."""
MIN_RETRY_S, MAX_RETRY_S = 1, 60


class DrainMeter:
    """The rate at which items leave the queue, over the last half minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._busy_since = 0.0

    def observe(self, now: float, load: Load, *, is_awaited: bool = True) -> None:
        """Record the load at an instant of a monotonic clock.

        While no request waits (not `is_awaited`), open items say nothing about the rate: they may
        wait for hosts that hang.
        """
        if self._samples and load.drained_items < self._samples[-1][1]:
            self._samples.clear()  # Redis lost its data: the counter restarted
        self._samples.append((now, load.drained_items))
        if load.open_items == 0 or not is_awaited:
            self._busy_since = now
        while self._samples[0][0] < now - WINDOW_S:
            self._samples.popleft()

    def wait_s(self, items: int) -> float:
        """How long `items` take at the rate of the current busy period; 0 while unknown."""
        samples = [sample for sample in self._samples if sample[0] >= self._busy_since]
        if not samples:
            return 0.0
        (since, before), (until, after) = samples[0], samples[-1]
        if until - since < MEASURED_S or after == before:
            return 0.0
        return items * (until - since) / (after - before)

    def retry_after_s(self, excess: int) -> int:
        """Whole seconds until `excess` items will have left, at the measured rate."""
        if len(self._samples) < 2:  # noqa: PLR2004
            return MIN_RETRY_S
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        if after == before:
            return MAX_RETRY_S
        seconds = excess * (until - since) / (after - before)
        return whole(seconds)


def whole(seconds: float) -> int:
    """Seconds rounded and bounded for `Retry-After`."""
    return max(MIN_RETRY_S, min(MAX_RETRY_S, math.ceil(seconds)))
