import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from common.protocol.messages import Priority
from tests.processes import wait_until
from worker.batching.batcher import Batcher, BatcherClosed, TooLate
from worker.batching.policy import PartRef
from worker.model.encoder import DeviceFailed, OutOfMemory

NEVER = float("inf")
Death = tuple[BaseException, set[int]]
Encode = Callable[[Sequence[Any]], Sequence[Any]]


class Model:
    """Doubles numbers, remembers its batches, and can be held."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, batch: Sequence[Any]) -> list[Any]:
        self.batches.append(list(batch))
        assert self.free.wait(10)
        return [self.double(item) for item in batch]

    def double(self, item: Any) -> Any:
        if isinstance(item, BaseException):
            raise item
        return item * 2


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def deaths() -> list[Death]:
    return []


@pytest.fixture
def batcher(model: Model, deaths: list[Death]) -> Iterator[Batcher]:
    def note(reason: BaseException, suspects: set[PartRef]) -> None:
        deaths.append((reason, {part.part for part in suspects}))

    batcher = Batcher({"n": model, "text": model}, {"n": 4, "text": 4}, note)
    yield batcher
    model.free.set()
    batcher.close(5)


def submit(batcher: Batcher, item: Any, kind: str = "n", deadline: float = NEVER) -> Future[Any]:
    return batcher.submit(kind, item, PartRef("j", item if isinstance(item, int) else 0, deadline))


def hold(batcher: Batcher, model: Model) -> Future[Any]:
    """Keep the model busy with one item, so that others gather."""
    model.free.clear()
    held = submit(batcher, 0)
    wait_until(lambda: model.batches, "the model runs")
    return held


def test_an_item_is_answered(batcher: Batcher) -> None:
    assert submit(batcher, 21).result(5) == 42


def test_while_the_model_runs_the_next_batch_gathers(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    answers = [submit(batcher, n) for n in range(1, 7)]
    model.free.set()
    assert [answer.result(5) for answer in answers] == [2, 4, 6, 8, 10, 12]
    assert model.batches == [[0], [1, 2, 3, 4], [5, 6]]


def test_kinds_do_not_mix(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    answers = [submit(batcher, 1), submit(batcher, "a", "text"), submit(batcher, 2)]
    model.free.set()
    assert [answer.result(5) for answer in answers] == [2, "aa", 4]
    assert model.batches[1:] == [[1, 2], ["a"]]


def test_a_poisoned_item_costs_one_item(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    answers = [submit(batcher, item) for item in (1, ValueError("poison"), 3)]
    model.free.set()
    assert answers[0].result(5) == 2
    assert answers[2].result(5) == 6
    with pytest.raises(ValueError, match="poison"):
        answers[1].result(5)


def test_a_failed_device_ends_it_and_no_item_is_tried_again(
    batcher: Batcher, model: Model, deaths: list[Death]
) -> None:
    hold(batcher, model)
    answers = [submit(batcher, item) for item in (1, DeviceFailed("assert"), 3)]
    model.free.set()
    for answer in answers:
        with pytest.raises(BatcherClosed, match="assert"):
            answer.result(5)
    assert len(model.batches) == 2
    assert deaths


def test_an_error_of_the_device_ends_it_whatever_its_class(
    batcher: Batcher, model: Model, deaths: list[Death]
) -> None:
    hold(batcher, model)
    lost = RuntimeError("CUDA error: an illegal memory access was encountered")
    answers = [submit(batcher, item) for item in (1, lost, 3)]
    model.free.set()
    for answer in answers:
        with pytest.raises(BatcherClosed, match="illegal memory access"):
            answer.result(5)
    assert len(model.batches) == 2, "nothing is tried again"
    [(reason, suspects)] = deaths
    assert isinstance(reason, DeviceFailed)
    assert suspects == {0, 1, 3}


def test_out_of_memory_halves_the_batch_size_and_loses_nothing() -> None:
    sizes_seen: list[int] = []

    def small_memory(batch: Sequence[int]) -> list[int]:
        sizes_seen.append(len(batch))
        time.sleep(0.01)
        if len(batch) > 2:
            raise OutOfMemory
        return [item * 2 for item in batch]

    batcher = Batcher({"n": small_memory}, {"n": 16})
    answers = [submit(batcher, n) for n in range(40)]
    assert [answer.result(5) for answer in answers] == [n * 2 for n in range(40)]
    assert batcher.sizes["n"] == 2
    settled = sizes_seen[-10:]
    assert max(settled) <= 2
    batcher.close(5)


def test_memory_that_is_short_for_heavy_items_is_not_for_light_ones() -> None:
    def small_memory(batch: Sequence[int]) -> list[int]:
        if sum(batch) > 16:
            raise OutOfMemory
        return list(batch)

    batcher = Batcher({"n": small_memory}, {"n": 32})
    answers = [batcher.submit("n", 8, PartRef(), weight=8) for _ in range(20)]
    assert [answer.result(5) for answer in answers] == [8] * 20
    assert batcher.sizes["n"] == 16
    batcher.close(5)


def test_late_items_cost_no_model_time(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    late = submit(batcher, 1, deadline=time.monotonic())
    on_time = submit(batcher, 2)
    model.free.set()
    with pytest.raises(TooLate):
        late.result(5)
    assert on_time.result(5) == 4
    assert model.batches == [[0], [2]]


def test_cancelled_items_cost_no_model_time(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    cancelled = submit(batcher, 1)
    assert cancelled.cancel()
    after = submit(batcher, 2)
    model.free.set()
    assert after.result(5) == 4
    assert model.batches == [[0], [2]]


def test_closing_answers_what_waits_and_refuses_the_rest(batcher: Batcher, model: Model) -> None:
    held = hold(batcher, model)
    waiting = [submit(batcher, n) for n in range(1, 6)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    wait_until(lambda: batcher.is_closing, "the batcher closes")
    with pytest.raises(BatcherClosed):
        submit(batcher, 9)
    model.free.set()
    closing.join(5)
    assert held.result(0) == 0
    assert [answer.result(0) for answer in waiting] == [2, 4, 6, 8, 10]


class Dying(BaseException):
    """Nothing that the batcher could catch and go on."""


def test_when_the_thread_dies_every_item_is_answered_and_the_death_reported(
    batcher: Batcher, model: Model, deaths: list[Death]
) -> None:
    hold(batcher, model)
    answers = [submit(batcher, item) for item in (1, Dying(), 3, 4, 5, 6)]
    model.free.set()
    for answer in answers:
        with pytest.raises(BatcherClosed):
            answer.result(5)
    [(reason, suspects)] = deaths
    assert isinstance(reason, Dying)
    assert suspects == {0, 1, 3, 4}
    with pytest.raises(BatcherClosed):
        submit(batcher, 7)


def test_in_flight_counts_the_unanswered(batcher: Batcher, model: Model) -> None:
    hold(batcher, model)
    submit(batcher, 1)
    assert batcher.in_flight == 2
    model.free.set()
    wait_until(lambda: batcher.in_flight == 0, "all is answered")


def test_many_threads_get_their_own_answers(batcher: Batcher) -> None:
    got: dict[int, Any] = {}

    def ask(number: int) -> None:
        got[number] = submit(batcher, number).result(10)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {n: n * 2 for n in range(200)}


def test_whose_items_hang_in_the_model_is_known(batcher: Batcher, model: Model) -> None:
    assert batcher.stuck(0) == set()
    hold(batcher, model)
    assert batcher.stuck(60) == set()
    wait_until(lambda: batcher.stuck(0.01), "the model has run for a while")
    assert {part.job for part in batcher.stuck(0.01)} == {"j"}
    batcher.excuse(60)
    assert batcher.stuck(0.01) == set()
    batcher.excuse(-60)
    assert batcher.stuck(0.01)
    model.free.set()
    wait_until(lambda: not batcher.stuck(0), "the model is free")


def test_a_steady_stream_of_interactive_items_does_not_starve_bulk(
    batcher: Batcher, model: Model
) -> None:
    hold(batcher, model)
    bulk = batcher.submit("n", 100, PartRef("bulk", priority=Priority.BULK))
    interactive = [submit(batcher, n) for n in range(1, 21)]
    model.free.set()
    assert bulk.result(5) == 200
    for answer in interactive:
        answer.result(5)
    assert next(i for i, batch in enumerate(model.batches) if 100 in batch) <= 2
