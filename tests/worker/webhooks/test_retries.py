from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from common.errors import FetchFailed, UrlRefused
from worker.net.exchange import Reply
from worker.webhooks.delivery import sign
from worker.webhooks.retries import RetryPolicy, seconds_of

POLICY = RetryPolicy(attempts=10, backoff_s=5)


def test_pauses_grow_fourfold_up_to_an_hour() -> None:
    for attempts, longest in enumerate((5, 20, 80, 320, 1280, 3600, 3600, 3600, 3600), 1):
        pauses = {POLICY.pause_s(attempts, 0) for _ in range(50)}
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
    assert POLICY.pause_s(10**9, 0) <= 3600


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((200, "delivered"), (204, "delivered"), (299, "delivered")),
        *((429, "pending"), (500, "pending"), (503, "pending"), (599, "pending")),
        *((301, "failed"), (304, "failed"), (400, "failed"), (408, "failed"), (410, "failed")),
    ],
)
def test_an_answer_decides_what_comes_next(status: int, outcome: str) -> None:
    assert POLICY.judge(Reply(status, ""), 9).outcome == outcome
    last = POLICY.judge(Reply(status, ""), 10).outcome
    assert last == ("delivered" if outcome == "delivered" else "failed")


def test_no_answer_is_worth_another_attempt_unless_the_url_is_refused() -> None:
    assert POLICY.judge_failure(FetchFailed(), 9).outcome == "pending"
    assert POLICY.judge_failure(FetchFailed(), 10).outcome == "failed"
    assert POLICY.judge_failure(UrlRefused(), 1).outcome == "failed"


def test_retry_after_is_obeyed_within_reason() -> None:
    assert POLICY.judge(Reply(503, "100"), 1).pause_s == 100
    assert POLICY.judge(Reply(429, "999999"), 1).pause_s == 6 * 3600
    assert POLICY.judge(Reply(503, "1"), 5).pause_s >= 640


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 58 < seconds_of(soon) <= 60
    assert seconds_of("120") == 120
    for odd in ("", "-5", "1.5", "soon", "²", "9" * 5000, "Mon, 01 Jan 1990 00:00:00 GMT"):
        assert 0 <= seconds_of(odd) < 10**9


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the reference libraries: github.com/standard-webhooks/standard-webhooks."""
    key = bytes.fromhex("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0")
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected
