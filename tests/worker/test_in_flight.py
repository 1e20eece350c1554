from concurrent.futures import Future

import numpy as np
import pytest

from common.protocol import Vectors
from worker.in_flight import Abandoned, InFlight
from worker.policy import Origin

URGENT, OTHER = Origin("urgent"), Origin("other", is_urgent=False)
ALONE = Origin("alone", alone=True)
VECTOR = np.ones(3, dtype=np.float32)


class Model:
    """Notes what is submitted to it, and answers when told to."""

    def __init__(self) -> None:
        self.answers: list[Future[Vectors]] = []

    def submit(self) -> Future[Vectors]:
        self.answers.append(Future())
        return self.answers[-1]


def test_equal_things_at_the_same_time_are_encoded_once() -> None:
    in_flight, model = InFlight(), Model()
    both = [in_flight.encode(b"key", URGENT, model.submit) for _ in range(2)]
    [only] = model.answers
    only.set_result(VECTOR)
    assert [answer.result(0) is VECTOR for answer in both] == [True, True]


def test_other_things_are_encoded_beside_it() -> None:
    in_flight, model = InFlight(), Model()
    for key in (b"key", b"another"):
        in_flight.encode(key, URGENT, model.submit)
    assert len(model.answers) == 2


def test_a_thing_is_encoded_again_once_it_is_no_longer_under_way() -> None:
    in_flight, model = InFlight(), Model()
    for _ in range(2):
        in_flight.encode(b"key", URGENT, model.submit)
        model.answers[-1].set_result(VECTOR)
    assert len(model.answers) == 2


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_who_follows_is_told_when_the_first_gives_up(how: str) -> None:
    in_flight, model = InFlight(), Model()
    first = in_flight.encode(b"key", URGENT, model.submit)
    second = in_flight.encode(b"key", URGENT, model.submit)
    if how == "cancelled":
        first.cancel()
    else:
        first.set_exception(ValueError())
    with pytest.raises(Abandoned):
        second.result(0)


def test_who_follows_is_told_when_the_first_cannot_even_submit() -> None:
    in_flight, model = InFlight(), Model()
    followers: list[Future[Vectors]] = []

    def fail() -> Future[Vectors]:
        followers.append(in_flight.encode(b"key", URGENT, model.submit))
        raise ValueError

    with pytest.raises(ValueError):
        in_flight.encode(b"key", URGENT, fail)
    with pytest.raises(Abandoned):
        followers[0].result(0)
    in_flight.encode(b"key", URGENT, model.submit)
    assert len(model.answers) == 1, "whoever comes next leads"


def test_who_follows_may_give_up_without_harm_to_the_others() -> None:
    in_flight, model = InFlight(), Model()
    first, second, third = (in_flight.encode(b"key", URGENT, model.submit) for _ in range(3))
    assert second.cancel()
    model.answers[0].set_result(VECTOR)
    assert first.result(0) is third.result(0) is VECTOR


def test_urgent_work_does_not_follow_other_work_but_is_followed_by_it() -> None:
    in_flight, model = InFlight(), Model()
    in_flight.encode(b"key", OTHER, model.submit)
    in_flight.encode(b"key", URGENT, model.submit)
    assert len(model.answers) == 2
    model.answers[0].set_result(VECTOR)
    late = in_flight.encode(b"key", OTHER, model.submit)
    assert len(model.answers) == 2
    model.answers[1].set_result(VECTOR)
    assert late.result(0) is VECTOR


def test_what_goes_alone_neither_follows_nor_leads() -> None:
    in_flight, model = InFlight(), Model()
    for origin in (ALONE, URGENT, ALONE):
        in_flight.encode(b"key", origin, model.submit)
    assert len(model.answers) == 3
