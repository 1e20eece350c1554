"""On how many cores one forward pass runs."""

from collections.abc import Callable

import structlog
import torch

from worker.timing import quickest_s

log = structlog.get_logger()


def quickest_threads(run: Callable[[], object]) -> int:
    """How many threads `run` should have: as many as torch has, or one where that is no slower.

    A small model spends more on sharing its work out than on doing it, and the other cores have
    pictures to decode.
    """
    most = quickest = torch.get_num_threads()
    if most > 1:
        alone_s, shared_s = quickest_s(lambda: _run_on(1, run), lambda: _run_on(most, run))
        torch.set_num_threads(most)
        if alone_s <= shared_s:
            quickest = 1
    log.info("threads_chosen", threads=quickest, most=most)
    return quickest


def _run_on(threads: int, run: Callable[[], object]) -> None:
    torch.set_num_threads(threads)
    run()
