"""Measures the best batch size and number of threads for a model, on an idle machine."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from worker.model.encoder import Encoder, OutOfMemory, PreparedImage
from worker.model.warmup import blank_image, warm_up

MAX_BATCH = 256
BUDGET_S = 20.0
MIN_GAIN = 1.02
"""What a larger batch or another thread must gain: decoding needs cores too."""
SHORT_S = 0.02
RUNS, RUNS_OF_SHORT = 3, 10


@dataclass(frozen=True, slots=True)
class Best:
    """`threads` is 0 if the model does not run on the CPU."""

    batch_size: int
    threads: int
    images_per_s: float


def measure(load: Callable[[int], Encoder]) -> Best:
    """The best settings for the model that `load(threads)` loads."""
    best = Best(1, 0, 0.0)
    for threads in sorted({1, torch.get_num_threads()}):
        encoder = load(threads)
        rates = _rates_of(encoder)
        size = smallest_of_the_best(rates)
        if encoder.device != "cpu":
            return Best(size, 0, rates[size])
        if rates[size] > MIN_GAIN * best.images_per_s:
            best = Best(size, threads, rates[size])
    return best


def measure_rates(seconds: Callable[[int], float]) -> dict[int, float]:
    """Images per second for batches of powers of two; `seconds(size)` runs one.

    Stops when out of memory or out of time, or when doubling the size twice did not help.
    """
    started = time.monotonic()
    rates = {1: 1 / seconds(1)}
    size = 2
    while size <= MAX_BATCH and time.monotonic() - started < BUDGET_S:
        try:
            rates[size] = size / seconds(size)
        except OutOfMemory:
            break
        if size >= 4 * smallest_of_the_best(rates):
            break
        size *= 2
    return rates


def smallest_of_the_best(rates: Mapping[int, float]) -> int:
    good = max(rates.values()) / MIN_GAIN
    return min(size for size, rate in rates.items() if rate >= good)


def _rates_of(encoder: Encoder) -> dict[int, float]:
    warm_up(encoder)
    image = blank_image(encoder)
    return measure_rates(lambda size: _seconds(encoder, image, size))


def _seconds(encoder: Encoder, image: PreparedImage, size: int) -> float:
    """The fastest of three runs: the first of a size allocates its buffers.

    Short runs are repeated more often, because other load may double their time.
    """
    batch = [image] * size
    quickest_s = min(_run(encoder, batch) for _ in range(RUNS))
    if quickest_s > SHORT_S:
        return quickest_s
    return min(_run(encoder, batch) for _ in range(RUNS_OF_SHORT))


def _run(encoder: Encoder, batch: list[PreparedImage]) -> float:
    started = time.perf_counter()
    encoder.encode_images(batch)
    return time.perf_counter() - started
