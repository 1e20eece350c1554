"""Which batch size is best, of what was measured."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.worker.fake_encoder import FakeEncoder
from worker.model.encoder import OutOfMemory
from worker.model.measure import RUNS_OF_SHORT, measure, measure_rates, smallest_of_the_best


def best_size(seconds: Callable[[int], float]) -> int:
    return smallest_of_the_best(measure_rates(seconds))


def test_where_larger_is_faster_memory_is_the_limit() -> None:
    def seconds(size: int) -> float:
        if size > 32:
            raise OutOfMemory
        return 1 + 0.01 * size

    assert best_size(seconds) == 32


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({1: 20, 2: 28, 4: 34, 8: 30, 16: 20, 32: 14}, 4),
        ({1: 10, 2: 9, 4: 20, 8: 19, 16: 19}, 4),  # a slow step between hides nothing
        ({1: 100, 2: 104, 4: 108, 8: 112, 16: 112, 32: 112, 64: 112}, 8),  # small gains add up
    ],
)
def test_the_smallest_of_the_best_is_chosen(rates: dict[int, float], best: int) -> None:
    assert best_size(lambda size: size / rates[size]) == best


def test_gains_too_small_to_matter_are_left() -> None:
    assert best_size(lambda size: size / (100 + np.log2(size))) == 1


def test_a_short_run_is_measured_many_times() -> None:
    encoder = FakeEncoder()
    measure(lambda _: encoder)
    assert encoder.batches.count(1) > RUNS_OF_SHORT
