"""Measures which batch size suits this model on this machine."""

import time
from collections.abc import Callable

import numpy as np

from worker.decode import Raster
from worker.encoder import Encoder, OutOfMemory, PreparedImage
from worker.timing import quickest_s

LARGEST = 256
BUDGET_S = 10.0
WORTH_IT = 1.05
TEXTS_PER_PICTURE = 8
SHORT_S = 0.02
RUNS_OF_SHORT = 10


def warm_up(encoder: Encoder, batch_size: int) -> int:
    """Run the model once on each kind of item. Returns the batch size: as given, or measured."""
    picture = blank_picture(encoder)
    encoder.encode_texts(encoder.prepare_texts(["warm", "up"]))
    encoder.encode_images([picture])
    return batch_size or measure_batch_size(lambda size: _seconds(encoder, picture, size))


def blank_picture(encoder: Encoder) -> PreparedImage:
    """A black picture; how long the model takes does not depend on what it sees."""
    return encoder.prepare_image(Raster.of(np.zeros((64, 64, 3), dtype=np.uint8)))


def measure_batch_size(seconds: Callable[[int], float]) -> int:
    """The smallest power of two beyond which doubling no longer pays.

    `seconds(size)` runs a batch of that size. Stops at memory's end and when its budget is spent.
    """
    started = time.monotonic()
    best, best_rate = 1, 1 / seconds(1)
    size = 2
    while size <= LARGEST and time.monotonic() - started < BUDGET_S:
        try:
            rate = size / seconds(size)
        except OutOfMemory:
            break
        if rate > best_rate * WORTH_IT:
            best, best_rate = size, rate
        elif size >= best * 4:
            break
        size *= 2
    return best


def _seconds(encoder: Encoder, picture: PreparedImage, size: int) -> float:
    """The quicker of two runs: the first of a size pays for its buffers.

    Where a run is short, whatever else the machine does may double it: then of many more.
    """
    batch = [picture] * size
    [seconds] = quickest_s(lambda: encoder.encode_images(batch), runs=2)
    if seconds > SHORT_S:
        return seconds
    [again] = quickest_s(lambda: encoder.encode_images(batch), runs=RUNS_OF_SHORT)
    return min(seconds, again)
