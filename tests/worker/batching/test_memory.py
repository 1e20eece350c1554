"""What the batcher does when memory is short, and when it no longer is."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any

import pytest

from tests.processes import wait_until
from worker.batching.batcher import Batcher, TooLate
from worker.batching.memory import GROW_AFTER_S, PAUSES_S, BatchSizes, DeferredEntries
from worker.batching.policy import PartRef
from worker.model.encoder import OutOfMemory

NEVER = float("inf")


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Card:
    """Doubles numbers, if there is room for the batch."""

    def __init__(self) -> None:
        self.room = 1000
        self.tried: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.tried.append(list(batch))
        assert self.free.wait(10)
        if len(batch) > self.room:
            raise OutOfMemory
        return [number * 2 for number in batch]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def card() -> Card:
    return Card()


@pytest.fixture
def batcher(card: Card, clock: Clock) -> Iterator[Batcher]:
    batcher = Batcher({"n": card, "other": lambda batch: batch}, {"n": 16, "other": 4}, clock=clock)
    yield batcher
    clock.now = NEVER
    batcher.close(5)


def submit_together(batcher: Batcher, card: Card, numbers: Sequence[int]) -> list[Future[Any]]:
    """Submit numbers while the model is busy with another, so that they make one batch."""
    tried = len(card.tried)
    card.free.clear()
    batcher.submit("n", 0, PartRef())
    wait_until(lambda: len(card.tried) > tried, "the model runs")
    answers = [batcher.submit("n", number, PartRef()) for number in numbers]
    card.free.set()
    wait(answers, 10)
    return answers


def check_tries(batcher: Batcher, card: Card, tries: int) -> None:
    """Let the batcher look at the clock; its other items do not wait."""
    assert batcher.submit("other", 5, PartRef()).result(5) == 5
    assert len(card.tried) == tries


def test_after_a_shortage_the_batch_size_grows_back(
    batcher: Batcher, card: Card, clock: Clock
) -> None:
    card.room = 2
    answers = submit_together(batcher, card, range(1, 17))
    assert [answer.result(0) for answer in answers] == [number * 2 for number in range(1, 17)]
    assert (batcher.sizes["n"], batcher.configured_sizes["n"]) == (2, 16)
    card.room = 1000
    for size in (4, 8, 16, 16):
        assert batcher.submit("n", 1, PartRef()).result(5) == 2
        clock.now += GROW_AFTER_S
        assert batcher.submit("n", 1, PartRef()).result(5) == 2
        assert batcher.sizes["n"] == size
    submit_together(batcher, card, range(1, 17))
    assert len(card.tried[-1]) == 16


def test_an_item_alone_without_memory_waits_until_there_is_some(
    batcher: Batcher, card: Card, clock: Clock
) -> None:
    card.room = 0
    answer = batcher.submit("n", 1, PartRef())
    for tries, pause_s in enumerate(PAUSES_S[:2], 1):
        check_tries(batcher, card, tries)
        clock.now += pause_s / 2
        check_tries(batcher, card, tries)
        assert batcher.in_flight == 1
        clock.now += pause_s / 2
    check_tries(batcher, card, 3)
    card.room = 1
    clock.now += PAUSES_S[2]
    check_tries(batcher, card, 4)
    assert answer.result(5) == 2


def test_an_item_that_was_tried_often_enough_is_answered(
    batcher: Batcher, card: Card, clock: Clock
) -> None:
    card.room = 0
    answer = batcher.submit("n", 1, PartRef())
    for tries, pause_s in enumerate(PAUSES_S, 1):
        check_tries(batcher, card, tries)
        clock.now += pause_s
    check_tries(batcher, card, 1 + len(PAUSES_S))
    with pytest.raises(OutOfMemory, match="single item"):
        answer.result(5)
    card.room = 1
    assert batcher.submit("n", 1, PartRef()).result(5) == 2


def test_an_item_does_not_wait_for_memory_beyond_its_deadline(
    batcher: Batcher, card: Card, clock: Clock
) -> None:
    card.room = 0
    answer = batcher.submit("n", 1, PartRef(deadline=clock.now + 0.1))
    check_tries(batcher, card, 1)
    clock.now += 0.1
    check_tries(batcher, card, 1)
    with pytest.raises(TooLate):
        answer.result(5)


def test_closing_answers_the_items_that_wait_for_memory(
    batcher: Batcher, card: Card, clock: Clock
) -> None:
    card.room = 0
    answer = batcher.submit("n", 1, PartRef())
    check_tries(batcher, card, 1)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    wait_until(lambda: batcher.is_closing, "the batcher closes")
    card.room = 1
    clock.now += PAUSES_S[0]
    assert answer.result(5) == 2
    closing.join(5)
    assert not closing.is_alive()


def test_a_size_grows_only_after_a_while_without_a_shortage() -> None:
    sizes = BatchSizes({"n": 16})
    assert not sizes.raise_after_good_batch("n", 1e9), "it is as configured"
    sizes.lower("n", 3, now=100)
    assert not sizes.raise_after_good_batch("n", 100 + GROW_AFTER_S - 1)
    sizes.lower("n", 5, now=100 + GROW_AFTER_S)
    assert sizes.current["n"] == 3, "a shortage never raises it"
    assert not sizes.raise_after_good_batch("n", 100 + GROW_AFTER_S + 1)
    now = 100 + 2 * GROW_AFTER_S
    assert sizes.raise_after_good_batch("n", now)
    assert sizes.current["n"] == 6
    assert not sizes.raise_after_good_batch("n", now + 1), "one step at a time"
    assert sizes.raise_after_good_batch("n", now + GROW_AFTER_S)
    assert sizes.raise_after_good_batch("n", now + 2 * GROW_AFTER_S)
    assert sizes.current == sizes.configured == {"n": 16}


def test_deferred_items_are_due_one_by_one() -> None:
    deferred = DeferredEntries[str]()
    assert deferred.next_due_s(0) is None
    assert deferred.add("twice", 2, NEVER, now=0)
    assert deferred.add("once", 1, NEVER, now=0)
    assert not deferred.add("too often", len(PAUSES_S) + 1, NEVER, now=0)
    assert deferred.next_due_s(0) == PAUSES_S[0]
    assert deferred.take_due(PAUSES_S[0]) == ["once"]
    assert deferred.next_due_s(PAUSES_S[1] + 1) == 0
    assert deferred.take_all() == ["twice"]
    assert len(deferred) == 0
