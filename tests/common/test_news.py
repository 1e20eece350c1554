from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from common.jobs import Ledger
from common.news import load_news, split_news
from common.protocol import PartAbout, PartResult
from common.records import Idempotency
from tests.common.test_jobs import MODEL, PICTURE, TEXT, create, new_job, result

ITEMS = [TEXT, PICTURE]
KEY = Idempotency("key", "fingerprint")


@pytest.fixture
def mine(ledger: Ledger) -> Iterator[Any]:
    """What the process that waits for the job hears."""
    with ledger.hints("mine") as channel:
        yield channel


@pytest.fixture
def others(ledger: Ledger) -> Iterator[Any]:
    """What any other process hears."""
    with ledger.hints("other") as channel:
        yield channel


def heard(channel: Any) -> tuple[str, bytes] | None:
    """The next news; what is ignored (that it subscribes) comes first."""
    for _ in range(3):
        message = channel.get_message(timeout=0.3)
        if message is not None:
            return split_news(message["data"])
    return None


def make(ledger: Ledger, job: str = "j", **changes: Any) -> None:
    create(ledger, new_job(job, **{"waiter": "mine", "parts": [ITEMS], **changes}))


def test_who_waits_for_a_small_job_is_told_all_that_there_is_to_read(
    ledger: Ledger, mine: Any, others: Any
) -> None:
    make(ledger)
    ledger.finish("j", 0, ITEMS, result(2))
    news = heard(mine)
    assert news is not None
    job, told = news
    found, expected = load_news(job, told), ledger.read_whole("j", 1)
    assert found is not None
    assert found[0] == expected[0]
    assert found[1][0] is not None
    assert expected[1][0] is not None
    assert found[1][0].about == expected[1][0].about
    assert np.array_equal(found[1][0].vectors, expected[1][0].vectors)
    assert heard(others) is None


def test_of_several_parts_only_the_end_is_told(ledger: Ledger, mine: Any) -> None:
    make(ledger, parts=[ITEMS, [TEXT]])
    ledger.finish("j", 0, ITEMS, result(2))
    ledger.finish("j", 1, [TEXT], result(1))
    assert heard(mine) == ("j", b"")


def test_of_a_large_result_only_the_end_is_told(ledger: Ledger, mine: Any) -> None:
    make(ledger)
    vectors = np.ones((2, 1 << 14), dtype=np.float32)
    model = replace(MODEL, dimension=1 << 14)
    ledger.finish("j", 0, ITEMS, PartResult(vectors, PartAbout(model)))
    assert heard(mine) == ("j", b"")


def test_of_a_job_that_is_stopped_only_the_end_is_told(
    ledger: Ledger, mine: Any, others: Any
) -> None:
    make(ledger)
    ledger.stop("j", "cancelled", "")
    assert heard(mine) == ("j", b"")
    assert heard(others) is None


def test_all_are_told_of_a_job_that_nobody_has_to_himself(
    ledger: Ledger, mine: Any, others: Any
) -> None:
    make(ledger, waiter="")
    ledger.finish("j", 0, ITEMS, result(2))
    assert heard(mine) == heard(others) == ("j", b"")


def test_all_are_told_of_a_job_that_was_given_up_waiting_for(
    ledger: Ledger, mine: Any, others: Any
) -> None:
    make(ledger)
    ledger.keep("j", 10)
    ledger.finish("j", 0, ITEMS, result(2))
    assert heard(mine) == heard(others) == ("j", b"")


def test_all_are_told_of_a_job_that_was_asked_for_again(
    ledger: Ledger, mine: Any, others: Any
) -> None:
    make(ledger, idempotency=KEY)
    make(ledger, job="again", waiter="other", idempotency=KEY)
    ledger.finish("j", 0, ITEMS, result(2))
    assert heard(mine) == heard(others) == ("j", b"")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{}",
        b"no JSON\n{}\n",
        b'{"state":"done"}\n{}\n',
        b'{"state":1}\n{}\n',
        b'["done"]\n{}\n',
        b"\xff\n\xff\n\xff",
    ],
)
def test_what_is_no_news_is_read_in_its_place(told: bytes) -> None:
    assert load_news("j", told) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format":"', b'"format":"9'),
        (b'"state":"done"', b'"state":"odd"'),
        (b'"dimension":2', b'"dimension":3'),
    ],
)
def test_news_that_somebody_changed_is_read_in_its_place(
    ledger: Ledger, mine: Any, old: bytes, new: bytes
) -> None:
    make(ledger)
    ledger.finish("j", 0, ITEMS, result(2))
    news = heard(mine)
    assert news is not None
    assert old in news[1]
    assert load_news("j", news[1]) is not None
    assert load_news("j", news[1].replace(old, new)) is None
