from dataclasses import dataclass, field
from typing import Any

from worker.policy import Origin, choose, halved

SIZES = {"image": 3, "text": 5}


@dataclass
class Entry:
    kind: str = "image"
    origin: Origin = field(default_factory=Origin)


def entry(kind: str = "image", **origin: Any) -> Entry:
    return Entry(kind, Origin(**origin))


def test_a_batch_takes_what_is_there_up_to_its_size() -> None:
    assert choose([Entry()] * 2, SIZES, now=0, urgent_lead=True).batch == (0, 1)
    assert choose([Entry()] * 7, SIZES, now=0, urgent_lead=True).batch == (0, 1, 2)


def test_a_batch_is_of_one_kind_and_who_waited_longest_decides() -> None:
    waiting = [Entry("text"), Entry(), Entry("text"), Entry()]
    assert choose(waiting, SIZES, now=0, urgent_lead=True).batch == (0, 2)
    assert choose(waiting[1:], SIZES, now=0, urgent_lead=True).batch == (0, 2)


def test_urgent_items_go_first_and_others_fill_the_batch() -> None:
    waiting = [entry(is_urgent=False), entry(is_urgent=False), Entry(), entry(is_urgent=False)]
    assert choose(waiting, SIZES, now=0, urgent_lead=True).batch == (2, 0, 1)


def test_the_others_go_first_where_they_lead() -> None:
    waiting = [entry(), entry(), entry(is_urgent=False), entry()]
    assert choose(waiting, SIZES, now=0, urgent_lead=False).batch == (2, 0, 1)
    assert choose(waiting[:2], SIZES, now=0, urgent_lead=False).batch == (0, 1)


def test_late_items_are_in_no_batch() -> None:
    waiting = [entry(deadline=1), Entry(), entry(deadline=2)]
    choice = choose(waiting, SIZES, now=2, urgent_lead=True)
    assert (choice.batch, choice.late) == ((1,), (0, 2))


def test_nothing_waits() -> None:
    assert choose([], SIZES, now=0, urgent_lead=True).batch == ()


def test_a_batch_size_never_reaches_zero() -> None:
    assert [halved(size) for size in (8, 3, 2, 1)] == [4, 1, 1, 1]


def test_a_part_that_goes_alone_shares_its_batch_with_no_other() -> None:
    lonely = Origin("j", 1, alone=True)
    waiting = [Entry(origin=lonely), entry(), Entry(origin=lonely), entry(job="k", alone=True)]
    assert choose(waiting, SIZES, now=0, urgent_lead=True).batch == (0, 2)
    assert choose(waiting[1:], SIZES, now=0, urgent_lead=True).batch == (0,)
