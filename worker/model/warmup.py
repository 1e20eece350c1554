"""Measures which batch size suits this model on this machine."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from worker.images.decode import DecodedImage
from worker.model.cpu.timing import quickest_s
from worker.model.encoder import Encoder, OutOfMemory, PreparedImage

LARGEST = 256
BUDGET_S = 10.0
WORTH_IT = 1.02
"""More than it seems: each batch also has an end, where cores wait for each other."""
TEXTS_PER_IMAGE = 8
SHORT_S = 0.02
RUNS, RUNS_OF_SHORT = 3, 10

FEWEST_PARTS = 8
MOST_PARTS = 64
MOST_PARTS_ON_CPU = 32
"""Their threads share the cores with the model: with 64 a small one got a seventh less done."""


def warm_up(encoder: Encoder, batch_size: int) -> int:
    """Run the model once on each kind of item. Returns the batch size: as given, or measured."""
    image = blank_image(encoder)
    encoder.encode_texts(encoder.prepare_texts(["warm", "up"]))
    encoder.encode_images([image])
    return batch_size or measure_batch_size(lambda size: _seconds(encoder, image, size))


def blank_image(encoder: Encoder) -> PreparedImage:
    """A black image; how long the model takes does not depend on what it sees."""
    return encoder.prepare_image(DecodedImage.of(np.zeros((64, 64, 3), dtype=np.uint8)))


def measure_batch_size(seconds: Callable[[int], float]) -> int:
    """The smallest power of two whose rate is as good as the best one, within `WORTH_IT`.

    `seconds(size)` runs a batch of that size. Stops at memory's end, when its budget is spent, and
    where twice doubling the best size did not pay.
    """
    started = time.monotonic()
    rates = {1: 1 / seconds(1)}
    size = 2
    while size <= LARGEST and time.monotonic() - started < BUDGET_S:
        try:
            rates[size] = size / seconds(size)
        except OutOfMemory:
            break
        if size >= 4 * _smallest_of_the_best(rates):
            break
        size *= 2
    return _smallest_of_the_best(rates)


def parts_at_once(batch_size: int, device: str) -> int:
    """How many parts to have in hand: while one batch runs, the next one gathers."""
    most = MOST_PARTS_ON_CPU if device == "cpu" else MOST_PARTS
    return max(FEWEST_PARTS, min(most, 2 * batch_size))


def _smallest_of_the_best(rates: Mapping[int, float]) -> int:
    good = max(rates.values()) / WORTH_IT
    return min(size for size, rate in rates.items() if rate >= good)


def _seconds(encoder: Encoder, image: PreparedImage, size: int) -> float:
    """The quickest of three runs: the first of a size pays for its buffers.

    Where a run is short, whatever else the machine does may double it: then of many more.
    """
    batch = [image] * size
    [seconds] = quickest_s(lambda: encoder.encode_images(batch), runs=RUNS)
    if seconds > SHORT_S:
        return seconds
    [again] = quickest_s(lambda: encoder.encode_images(batch), runs=RUNS_OF_SHORT)
    return min(seconds, again)
