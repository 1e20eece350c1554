import numpy as np
import pytest

from tests.worker.fake_encoder import FakeEncoder
from worker.model.encoder import OutOfMemory
from worker.model.warmup import RUNS_OF_SHORT, measure_batch_size, parts_at_once, warm_up


def test_where_larger_is_faster_memory_is_the_limit() -> None:
    def seconds(size: int) -> float:
        if size > 32:
            raise OutOfMemory
        return 1 + 0.01 * size

    assert measure_batch_size(seconds) == 32


def test_where_small_batches_win_the_small_one_is_chosen() -> None:
    rates = {1: 20, 2: 28, 4: 34, 8: 30, 16: 20, 32: 14}
    assert measure_batch_size(lambda size: size / rates[size]) == 4


def test_a_slow_step_between_does_not_hide_a_better_one() -> None:
    rates = {1: 10, 2: 9, 4: 20, 8: 19, 16: 19}
    assert measure_batch_size(lambda size: size / rates[size]) == 4


def test_small_gains_add_up() -> None:
    rates = {1: 100, 2: 104, 4: 108, 8: 112, 16: 112, 32: 112, 64: 112}
    assert measure_batch_size(lambda size: size / rates[size]) == 8


def test_gains_too_small_to_matter_are_left() -> None:
    assert measure_batch_size(lambda size: size / (100 + np.log2(size))) == 1


def test_a_short_run_is_measured_many_times() -> None:
    encoder = FakeEncoder()
    warm_up(encoder, 0)
    assert encoder.batches.count(1) > RUNS_OF_SHORT


def test_a_batch_size_that_is_given_is_not_measured() -> None:
    encoder = FakeEncoder()
    assert warm_up(encoder, 3) == 3
    assert encoder.batches.count(1) == 1


@pytest.mark.parametrize(
    ("batch_size", "device", "parts"),
    [(1, "cpu", 8), (8, "cpu", 16), (64, "cpu", 32), (32, "cuda:0", 64), (256, "cuda:0", 64)],
)
def test_while_a_batch_runs_the_next_one_gathers(batch_size: int, device: str, parts: int) -> None:
    assert parts_at_once(batch_size, device) == parts
