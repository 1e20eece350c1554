"""A model that fails on everything is not the items' fault."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from tests.processes import wait_until
from worker.batching.batcher import Batcher, BatcherClosed
from worker.batching.failures import MAX_FAILED_BATCHES, FailedBatches, ModelBroken
from worker.batching.policy import PartRef

ONE, OTHER = PartRef("one"), PartRef("other")


class Model:
    """Doubles numbers, except those for which it `fails`."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.fails = fails
        self.batches: list[list[int]] = []

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.batches.append(list(batch))
        if any(map(self.fails, batch)):
            raise ValueError("odd")
        return [number * 2 for number in batch]


class Tried:
    """A batcher, and why it died."""

    def __init__(self, model: Model, **options: Any) -> None:
        self.deaths: list[BaseException] = []
        self.batcher = Batcher(
            {"n": model}, {"n": 4}, lambda reason, _: self.deaths.append(reason), **options
        )

    def submit(self, number: int, part: PartRef = ONE) -> Future[Any]:
        return self.batcher.submit("n", number, part)

    def error_of(self, number: int, part: PartRef = ONE) -> BaseException | None:
        return self.submit(number, part).exception(5)

    def assert_broken(self) -> None:
        wait_until(lambda: self.deaths, "it dies")
        assert isinstance(self.deaths[0], ModelBroken)

    def assert_well(self) -> None:
        assert not self.deaths
        self.batcher.close(5)


def test_a_model_that_fails_on_a_harmless_item_too_is_broken() -> None:
    model = Model(lambda _: True)
    tried = Tried(model, controls={"n": 0})
    assert isinstance(tried.error_of(1), BatcherClosed), "another worker encodes it"
    tried.assert_broken()
    assert model.batches == [[1], [0]]


def test_a_bad_item_is_answered_with_its_error_where_a_harmless_one_succeeds() -> None:
    tried = Tried(Model(lambda number: number == 1), controls={"n": 0})
    assert isinstance(tried.error_of(1), ValueError)
    assert tried.submit(2).result(5) == 4
    tried.assert_well()


def test_the_harmless_item_is_the_last_that_succeeded() -> None:
    model = Model(lambda _: False)
    tried = Tried(model, controls={"n": 0})
    assert tried.submit(5).result(5) == 10
    model.fails = lambda number: number > 0
    assert isinstance(tried.error_of(1), BatcherClosed)
    tried.assert_broken()
    assert model.batches == [[5], [1], [5]]


def test_after_batches_of_several_jobs_that_all_failed_the_model_is_broken() -> None:
    """Whatever it makes of harmless items."""
    tried = Tried(Model(lambda number: number > 0), controls={"n": 0})
    for number in range(1, MAX_FAILED_BATCHES):
        assert isinstance(tried.error_of(number, OTHER if number % 2 else ONE), ValueError)
    assert not tried.deaths
    assert isinstance(tried.error_of(99), BatcherClosed)
    tried.assert_broken()


def test_the_items_of_one_job_do_not_make_it_broken() -> None:
    tried = Tried(Model(lambda number: number > 0), controls={"n": 0})
    for number in range(1, 3 * MAX_FAILED_BATCHES):
        assert isinstance(tried.error_of(number), ValueError)
    tried.assert_well()


def test_a_success_in_between_starts_the_count_again() -> None:
    failed = FailedBatches()
    for _ in range(3):
        for _ in range(MAX_FAILED_BATCHES - 1):
            failed.add(["one", "other"])
        failed.reset()
    assert failed.count == 0
    failed.add(["one"])
    for _ in range(MAX_FAILED_BATCHES):
        failed.add(["one"])
    with pytest.raises(ModelBroken):
        failed.add(["other"])
