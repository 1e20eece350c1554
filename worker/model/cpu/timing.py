"""Which of several ways is the quickest on this machine."""

import time
from collections.abc import Callable

RUNS = 5


def quickest_s(*ways: Callable[[], object], runs: int = RUNS) -> list[float]:
    """The seconds that each way takes at its quickest.

    They are run in turns: whatever else the machine does, it slows all of them.
    """
    rounds = [[_seconds(way) for way in ways] for _ in range(runs)]
    return [min(each) for each in zip(*rounds, strict=True)]


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
