from dataclasses import dataclass, field
from typing import Any

from common.protocol.messages import Priority
from worker.batching.policy import PartRef, choose, halved, other

SIZES = {"image": 3, "text": 5}
INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


@dataclass
class Entry:
    kind: str = "image"
    part: PartRef = field(default_factory=PartRef)
    weight: int = 1


def entry(priority: Priority = INTERACTIVE, **part: Any) -> Entry:
    return Entry("image", PartRef(priority=priority, **part))


def test_a_batch_takes_what_is_there_up_to_its_size() -> None:
    assert choose([Entry()] * 2, SIZES, now=0, first=INTERACTIVE).batch == (0, 1)
    assert choose([Entry()] * 7, SIZES, now=0, first=INTERACTIVE).batch == (0, 1, 2)


def test_each_item_of_a_batch_counts_as_much_as_its_heaviest() -> None:
    light, heavy = Entry("text"), Entry("text", weight=2)
    assert choose([light] * 7, SIZES, now=0, first=INTERACTIVE).batch == (0, 1, 2, 3, 4)
    assert choose([heavy] * 7, SIZES, now=0, first=INTERACTIVE).batch == (0, 1)
    assert choose([light, light, heavy], SIZES, now=0, first=INTERACTIVE).batch == (0, 1)
    assert choose([light, heavy, light], SIZES, now=0, first=INTERACTIVE).batch == (0, 1)


def test_an_item_that_is_too_heavy_is_a_batch_of_its_own() -> None:
    waiting = [Entry("text", weight=99), Entry("text")]
    assert choose(waiting, SIZES, now=0, first=INTERACTIVE).batch == (0,)


def test_a_batch_is_of_one_kind_which_is_that_of_the_item_that_waited_longest() -> None:
    waiting = [Entry("text"), Entry(), Entry("text"), Entry()]
    assert choose(waiting, SIZES, now=0, first=INTERACTIVE).batch == (0, 2)
    assert choose(waiting[1:], SIZES, now=0, first=INTERACTIVE).batch == (0, 2)


def test_interactive_items_go_first_and_bulk_fills_the_batch() -> None:
    waiting = [entry(BULK), entry(BULK), Entry(), entry(BULK)]
    assert choose(waiting, SIZES, now=0, first=INTERACTIVE).batch == (2, 0, 1)


def test_bulk_goes_first_when_it_is_its_turn() -> None:
    waiting = [entry(), entry(), entry(BULK), entry()]
    assert choose(waiting, SIZES, now=0, first=BULK).batch == (2, 0, 1)
    assert choose(waiting[:2], SIZES, now=0, first=BULK).batch == (0, 1)


def test_late_items_are_in_no_batch() -> None:
    waiting = [entry(deadline=1), Entry(), entry(deadline=2)]
    choice = choose(waiting, SIZES, now=2, first=INTERACTIVE)
    assert (choice.batch, choice.late) == ((1,), (0, 2))


def test_nothing_waits() -> None:
    assert choose([], SIZES, now=0, first=INTERACTIVE).batch == ()


def test_the_priorities_take_turns() -> None:
    assert (other(INTERACTIVE), other(BULK)) == (BULK, INTERACTIVE)


def test_a_batch_size_never_reaches_zero() -> None:
    assert [halved(size) for size in (8, 3, 2, 1)] == [4, 1, 1, 1]


def test_an_isolated_part_shares_its_batch_with_no_other() -> None:
    isolated = PartRef("j", 1, isolated=True)
    waiting = [Entry(part=isolated), entry(), Entry(part=isolated), entry(job="k", isolated=True)]
    assert choose(waiting, SIZES, now=0, first=INTERACTIVE).batch == (0, 2)
    assert choose(waiting[1:], SIZES, now=0, first=INTERACTIVE).batch == (0,)
