"""On how many cores one forward pass runs."""

import time
from collections.abc import Callable

import structlog
import torch

log = structlog.get_logger()

RUNS = 5


def quickest_threads(run: Callable[[], object]) -> int:
    """How many threads `run` should have: as many as torch has, or one where that is no slower.

    A small model spends more on sharing its work out than on doing it, and the other cores have
    pictures to decode.
    """
    most = quickest = torch.get_num_threads()
    if most > 1:
        # In turns, and the quickest of each: whatever else the machine does, it slows both.
        runs = [(_seconds(run, 1), _seconds(run, most)) for _ in range(RUNS)]
        torch.set_num_threads(most)
        if min(alone for alone, _ in runs) <= min(shared for _, shared in runs):
            quickest = 1
    log.info("threads_chosen", threads=quickest, most=most)
    return quickest


def _seconds(run: Callable[[], object], threads: int) -> float:
    torch.set_num_threads(threads)
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
