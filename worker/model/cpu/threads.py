"""On how many cores one forward pass runs."""

from collections.abc import Callable

import structlog
import torch

from worker.model.cpu.timing import quickest_s

log = structlog.get_logger()

SHORT_S = 0.01
"""What takes longer is worth sharing out, whatever was measured while others kept a core busy."""
PIECES_RUNS = 3
ABOUT = 1.15
"""Noise at start made pieces look this much slower where the service was quicker with them."""


def quickest_threads(run: Callable[[], object]) -> int:
    """How many threads `run` should have: as many as torch has, or one where that is no slower.

    A small model spends more on sharing its work out than on doing it, and the other cores have
    images to decode. One that takes longer than `SHORT_S` is none.
    """
    most = quickest = torch.get_num_threads()
    if most > 1:
        alone_s, shared_s = quickest_s(lambda: _run_on(1, run), lambda: _run_on(most, run))
        torch.set_num_threads(most)
        if alone_s <= min(shared_s, SHORT_S):
            quickest = 1
    log.info("threads_chosen", threads=quickest, most=most)
    return quickest


def is_quicker_in_pieces(whole: Callable[[], object], pieces: Callable[[], object]) -> bool:
    """Whether a batch is encoded about as quickly in pieces side by side as it is as a whole.

    That is enough: once images are decoded at the same time, the whole loses more.
    """
    whole_s, pieces_s = quickest_s(whole, pieces, runs=PIECES_RUNS)
    log.info("pieces_measured", gain=round(whole_s / pieces_s, 2))
    return pieces_s <= whole_s * ABOUT


def _run_on(threads: int, run: Callable[[], object]) -> None:
    torch.set_num_threads(threads)
    run()
