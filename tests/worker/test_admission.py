import json

import orjson
import pytest

from common import messages
from common.protocol import INTERACTIVE, TASK_NAME, Broken
from tests.worker.hostile import JOB, b64, message
from worker.admission import MAX_MESSAGE_BYTES, Admitted, admit

ADMITTED = Admitted(JOB, 0, "r")


def admitted(sent: object) -> Admitted:
    return admit(orjson.dumps(sent))


def test_what_the_api_sends_is_admitted() -> None:
    assert admit(messages.message(JOB, 0, INTERACTIVE, "r")) == ADMITTED


def test_nothing_is_passed_on_but_the_arguments() -> None:
    headers = {"compression": "application/x-gzip", "eta": "9999-01-01", "group": "g"}
    properties = {"delivery_tag": "another's", "priority": 9, "delivery_info": {"exchange": "e"}}
    assert admitted(message(headers=headers, properties=properties)) == ADMITTED


@pytest.mark.parametrize(
    "args",
    [
        [],
        [JOB],
        [JOB, 0, 0],
        [JOB.upper(), 0],
        [JOB + "\n", 0],
        [JOB[1:], 0],
        [7, 0],
        [JOB, -1],
        [JOB, 10**6],
        [JOB, 10**30],
        [JOB, True],
        [JOB, 0.0],
        [JOB, "0"],
        [JOB, None],
        {"job": JOB, "part": 0},
    ],
)
def test_other_arguments_are_refused(args: object) -> None:
    with pytest.raises(Broken):
        admit(json.dumps(message(args)).encode())


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"request_id": ""},
        {"request_id": "r" * 129},
        {"request_id": "r\n"},
        {"request_id": "ü"},
        {"request_id": 1},
        [],
    ],
)
def test_other_options_are_refused(kwargs: object) -> None:
    raw = json.dumps(message()).encode()
    body = b64(json.dumps([[JOB, 0], kwargs, {}]))
    with pytest.raises(Broken):
        admit(orjson.dumps(orjson.loads(raw) | {"body": body}))


def test_options_of_a_later_release_are_not_passed_on() -> None:
    body = b64(json.dumps([[JOB, 0], {"request_id": "r", "job": "another"}, {}]))
    assert admitted(message() | {"body": body}) == ADMITTED


@pytest.mark.parametrize("name", ["callbacks", "errbacks", "chain", "chord", "other"])
def test_signatures_are_refused(name: str) -> None:
    with pytest.raises(Broken, match=r"2/.*"):
        admitted(message(embed={name: [{"task": TASK_NAME}]}))


def test_a_reason_is_short_and_tells_nothing_of_the_content() -> None:
    with pytest.raises(Broken) as refused:
        admitted(message(["secret" * 1000, 0]))
    assert len(str(refused.value)) <= 200
    assert "secret" not in str(refused.value)


def test_a_long_message_is_refused_unread() -> None:
    with pytest.raises(Broken, match="the limit is"):
        admit(b"[" * (MAX_MESSAGE_BYTES + 1))
