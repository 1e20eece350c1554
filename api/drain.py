"""How fast the queue drains, and hence when a refused caller should come back."""

import math
from collections import deque

from common.records import Load

WINDOW_S = 30.0
SHORTEST_S, LONGEST_S = 1, 60


class DrainMeter:
    """The rate at which items left the queue, over the last half minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def observe(self, now: float, load: Load) -> None:
        """Take note of the load at an instant of a monotonic clock."""
        if self._samples and load.drained_items < self._samples[-1][1]:
            self._samples.clear()  # Redis lost its data: the count began anew
        self._samples.append((now, load.drained_items))
        while self._samples[0][0] < now - WINDOW_S:
            self._samples.popleft()

    def retry_after_s(self, excess: int) -> int:
        """Whole seconds until that many items will have left, by the measured rate."""
        if len(self._samples) < 2:  # noqa: PLR2004
            return SHORTEST_S
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        if after == before:
            return LONGEST_S
        seconds = excess * (until - since) / (after - before)
        return max(SHORTEST_S, min(LONGEST_S, math.ceil(seconds)))
