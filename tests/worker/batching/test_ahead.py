"""A device that is given its next batch while it runs one."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from tests.processes import wait_until
from worker.batching.batcher import Batcher, BatcherClosed, TooLate
from worker.batching.policy import PartRef
from worker.model.encoder import DeviceFailed, OutOfMemory

PATIENCE_S = 10


class Device:
    """Doubles numbers, in the order in which batches were started, once each may end."""

    def __init__(self) -> None:
        self.started: list[list[Any]] = []
        self.alone: list[list[Any]] = []
        self.memory = 100
        self.error: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._turns = threading.Semaphore(0)

    def start(self, batch: Sequence[Any]) -> Callable[[], list[Any]]:
        self.started.append(list(batch))
        assert self.may_go_on.wait(PATIENCE_S)
        self._check(batch)

        def wait() -> list[Any]:
            assert self._turns.acquire(timeout=PATIENCE_S)
            return self._double(batch)

        return wait

    def encode(self, batch: Sequence[Any]) -> list[Any]:
        """Start and wait, as for the parts of a batch that failed."""
        self.alone.append(list(batch))
        self._check(batch)
        return self._double(batch)

    def finish(self, batches: int = 1) -> None:
        self._turns.release(batches)

    def _check(self, batch: Sequence[Any]) -> None:
        if len(batch) > self.memory:
            raise OutOfMemory

    def _double(self, batch: Sequence[Any]) -> list[Any]:
        if self.error:
            raise self.error
        for item in batch:
            if isinstance(item, BaseException):
                raise item
        return [2 * item for item in batch]


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def deaths() -> list[set[int]]:
    return []


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def durations() -> list[float]:
    return []


@pytest.fixture
def batcher(
    device: Device, deaths: list[set[int]], now: list[float], durations: list[float]
) -> Iterator[Batcher]:
    batcher = Batcher(
        {"n": device.encode},
        {"n": 4},
        lambda _, suspects: deaths.append({part.part for part in suspects}),
        lambda _, __, seconds: durations.append(seconds),
        clock=lambda: now[0],
        start={"n": device.start},
    )
    yield batcher
    device.may_go_on.set()
    device.finish(100)
    batcher.close(PATIENCE_S)


def submit(batcher: Batcher, item: Any, deadline: float = float("inf")) -> Future[Any]:
    return batcher.submit("n", item, PartRef("j", item if isinstance(item, int) else 0, deadline))


def hold(batcher: Batcher, device: Device) -> Future[Any]:
    """Start a batch of one item; the batcher takes no other until `device.may_go_on`."""
    device.may_go_on.clear()
    held = submit(batcher, 0)
    wait_until(lambda: device.started == [[0]], "a batch is started")
    return held


def test_the_next_batch_is_started_while_one_runs(batcher: Batcher, device: Device) -> None:
    first = hold(batcher, device)
    others = [submit(batcher, n) for n in range(1, 7)]
    device.may_go_on.set()
    wait_until(lambda: len(device.started) == 2, "the next one is started")
    assert not first.done()
    assert batcher.in_flight == 7
    device.finish()
    assert first.result(PATIENCE_S) == 0
    wait_until(lambda: len(device.started) == 3, "the one after that is started")
    assert not others[0].done()
    device.finish(2)
    assert [answer.result(PATIENCE_S) for answer in others] == [2, 4, 6, 8, 10, 12]
    assert device.started == [[0], [1, 2, 3, 4], [5, 6]]
    assert device.alone == []


def test_a_third_batch_waits(batcher: Batcher, device: Device) -> None:
    hold(batcher, device)
    answers = [submit(batcher, n) for n in range(1, 13)]
    device.may_go_on.set()
    device.finish()
    wait_until(lambda: len(device.started) == 3, "one has ended, two are in the model")
    assert batcher.in_flight == 12
    assert len(device.started) == 3
    device.finish(3)
    assert [answer.result(PATIENCE_S) for answer in answers] == [2 * n for n in range(1, 13)]


def test_a_poisoned_item_costs_one_item(batcher: Batcher, device: Device) -> None:
    held = hold(batcher, device)
    answers = [submit(batcher, item) for item in (1, ValueError("poison"), 3, 4, 5)]
    device.may_go_on.set()
    device.finish(3)
    assert held.result(PATIENCE_S) == 0
    assert [answers[n].result(PATIENCE_S) for n in (0, 2, 3, 4)] == [2, 6, 8, 10]
    with pytest.raises(ValueError, match="poison"):
        answers[1].result(PATIENCE_S)


def test_a_batch_that_cannot_be_started_for_lack_of_memory_is_halved(
    batcher: Batcher, device: Device
) -> None:
    device.memory = 2
    held = hold(batcher, device)
    answers = [submit(batcher, n) for n in range(1, 10)]
    device.may_go_on.set()
    device.finish(10)
    assert held.result(PATIENCE_S) == 0
    assert [answer.result(PATIENCE_S) for answer in answers] == [2 * n for n in range(1, 10)]
    assert batcher.sizes["n"] == 2
    # Nothing is tried before the batch in front of it has ended.
    assert device.alone[:2] == [[1, 2], [3, 4]]


def test_a_failed_device_ends_it_and_both_batches_are_suspect(
    batcher: Batcher, device: Device, deaths: list[set[int]]
) -> None:
    hold(batcher, device)
    answers = [submit(batcher, item) for item in range(1, 6)]
    device.error = DeviceFailed("assert")
    device.may_go_on.set()
    device.finish()
    for answer in answers:
        with pytest.raises(BatcherClosed, match="assert"):
            answer.result(PATIENCE_S)
    assert deaths == [{0, 1, 2, 3, 4}]
    assert device.alone == []


def test_both_batches_count_as_stuck_from_when_the_first_was_started(
    batcher: Batcher, device: Device, now: list[float]
) -> None:
    hold(batcher, device)
    for item in range(1, 6):
        submit(batcher, item)
    now[0] = 30
    device.may_go_on.set()
    wait_until(lambda: len(device.started) == 2, "the next one is started")
    now[0] = 40
    assert {part.part for part in batcher.stuck(35)} == {0, 1, 2, 3, 4}
    assert batcher.stuck(45) == set()
    device.finish()
    wait_until(lambda: len(device.started) == 3, "the first has ended")
    assert batcher.stuck(1) == set()
    now[0] = 50
    assert {part.part for part in batcher.stuck(1)} == {1, 2, 3, 4, 5}


def test_a_batch_takes_no_time_while_the_one_before_it_runs(
    batcher: Batcher, device: Device, now: list[float], durations: list[float]
) -> None:
    hold(batcher, device)
    for item in range(1, 5):
        submit(batcher, item)
    device.may_go_on.set()
    wait_until(lambda: len(device.started) == 2, "the next one is started")
    now[0] = 10
    device.finish()
    wait_until(lambda: len(durations) == 1, "the first has ended")
    now[0] = 13
    device.finish()
    wait_until(lambda: len(durations) == 2, "the second has ended")
    assert durations == [10, 3]


def test_late_and_cancelled_items_are_not_started(
    batcher: Batcher, device: Device, now: list[float]
) -> None:
    hold(batcher, device)
    late, cancelled, other = submit(batcher, 1, deadline=5), submit(batcher, 2), submit(batcher, 3)
    now[0] = 6
    assert cancelled.cancel()
    device.may_go_on.set()
    device.finish(2)
    assert other.result(PATIENCE_S) == 6
    with pytest.raises(TooLate):
        late.result(PATIENCE_S)
    assert device.started == [[0], [3]]


def test_closing_answers_what_is_in_the_model_and_what_waits(
    batcher: Batcher, device: Device
) -> None:
    answers = [hold(batcher, device), *(submit(batcher, n) for n in range(1, 10))]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    wait_until(lambda: batcher.is_closing, "the batcher closes")
    device.may_go_on.set()
    device.finish(4)
    closing.join(PATIENCE_S)
    assert [answer.result(0) for answer in answers] == [2 * n for n in range(10)]
