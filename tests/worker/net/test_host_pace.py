"""Hosts that answer "too many requests" are retried later, and get fewer requests."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from common.errors import FetchFailed, FetchTimeout
from tests.image_server import ImageServer
from tests.processes import wait_until
from tests.worker.fetchers import BlockingFetcher, loopback_fetcher
from worker.batching.policy import PartRef
from worker.net import host_pace
from worker.net.host_pace import HostPace, seconds_until

CONTENT = b"an image"
PER_HOST = 8
LONG_S = 30.0


class Limited:
    """Answers a limited number of requests per period, and refuses the others."""

    def __init__(
        self,
        server: ImageServer,
        *,
        per_period: int,
        period_s: float = 1.0,
        status: int = 429,
        retry_after: Callable[[], str] = lambda: "1",
    ) -> None:
        self.at_once: list[int] = []
        self.refused = 0
        self._answers: list[float] = []
        self._busy = 0
        self._per_period, self._period_s = per_period, period_s
        self._status, self._retry_after = status, retry_after
        self._lock = threading.Lock()
        self.urls = [server.behave(self._answer) for _ in range(30)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        now = time.monotonic()
        with self._lock:
            self._busy += 1
            self.at_once.append(self._busy)
            self._answers = [at for at in self._answers if at > now - self._period_s]
            is_refused = len(self._answers) >= self._per_period
            self._answers += [] if is_refused else [now]
            self.refused += is_refused
        body = b"slow down" if is_refused else CONTENT
        handler.send_response(self._status if is_refused else 200)
        if is_refused and (retry_after := self._retry_after()):
            handler.send_header("Retry-After", retry_after)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with self._lock:
            self._busy -= 1
        handler.wfile.write(body)


def fetch_all(
    fetcher: BlockingFetcher, urls: list[str], deadline: float = float("inf")
) -> list[bytes]:
    part = PartRef("a-job", deadline=deadline)
    fetched = [fetcher.submit(url, part, lambda content, _: content) for url in urls]
    return [each.result(60) for each in fetched]


def in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


@pytest.mark.parametrize(
    ("status", "retry_after"),
    [(429, lambda: "1"), (503, lambda: "1"), (429, in_a_second), (429, lambda: "0.5")],
)
def test_all_images_of_a_host_that_refuses_some_are_fetched(
    image_server: ImageServer, status: int, retry_after: Callable[[], str]
) -> None:
    limited = Limited(image_server, per_period=15, status=status, retry_after=retry_after)
    assert fetch_all(loopback_fetcher(100, 10.0), limited.urls) == [CONTENT] * 30
    assert 0 < limited.refused < 30


def test_five_a_second(image_server: ImageServer) -> None:
    limited = Limited(image_server, per_period=5)
    assert fetch_all(loopback_fetcher(100, 15.0), limited.urls) == [CONTENT] * 30
    assert limited.refused < 30


def test_waiting_does_not_count_against_the_timeout_of_an_image(image_server: ImageServer) -> None:
    """The timeout of an image is a second and a half, and the host asks for two seconds."""
    limited = Limited(image_server, per_period=10, period_s=2.0, retry_after=lambda: "2")
    assert fetch_all(loopback_fetcher(100, 1.5), limited.urls[:20]) == [CONTENT] * 20


def test_a_paused_host_holds_no_thread(image_server: ImageServer) -> None:
    fetcher = loopback_fetcher(100, 10.0)
    limited = Limited(image_server, per_period=0, retry_after=lambda: "30")
    part = PartRef("a-job")
    waiting = [fetcher.submit(url, part, lambda content, _: content) for url in limited.urls]
    wait_until(lambda: limited.refused > 0, "it was refused")
    wait_until(lambda: not fetcher._queue._busy, "nothing holds a thread")
    assert not any(each.done() for each in waiting)
    assert limited.refused <= PER_HOST


def test_fetches_that_would_be_late_fail_at_once(image_server: ImageServer) -> None:
    limited = Limited(image_server, per_period=0, retry_after=lambda: "30")
    started = time.monotonic()
    part = PartRef("a-job", deadline=started + 20)
    fetcher = loopback_fetcher(100, 10.0)
    fetched = [fetcher.submit(url, part, lambda content, _: content) for url in limited.urls]
    errors = [each.exception(10) for each in fetched]
    assert {type(error) for error in errors} <= {FetchFailed, FetchTimeout}
    assert any("429" in str(error) for error in errors)
    assert time.monotonic() - started < 10


def test_others_are_fetched_after_the_pause_if_the_refused_fetch_is_given_up(
    image_server: ImageServer,
) -> None:
    limited = Limited(image_server, per_period=0, retry_after=lambda: "2")
    fetcher = loopback_fetcher(100, 10.0, per_host=1)
    hurried = PartRef("a-job", deadline=time.monotonic() + 1)
    refused = fetcher.submit(limited.urls[0], hurried, lambda content, _: content)
    patient = PartRef("another-job", deadline=time.monotonic() + 30)
    waiting = fetcher.submit(image_server.serve(CONTENT), patient, lambda content, _: content)
    with pytest.raises(FetchFailed, match="429"):
        refused.result(10)
    assert waiting.result(10) == CONTENT


def test_a_refusal_long_ago_does_not_count() -> None:
    times = iter([1000.0, 1001.0 + host_pace.MAX_PAUSE_S])
    pace = HostPace(PER_HOST, lambda: next(times))
    assert pace.refused("h", None) is None
    assert pace.refused("h", 1.0) == 1002.0 + host_pace.MAX_PAUSE_S


def test_a_host_that_only_refuses_is_not_retried_for_ever(
    image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_pace, "MAX_PAUSE_S", 1.0)
    limited = Limited(image_server, per_period=0, retry_after=lambda: "0.3")
    fetcher = loopback_fetcher(100, 10.0)
    fetched = [
        fetcher.submit(url, PartRef(), lambda content, _: content) for url in limited.urls[:4]
    ]
    for each in fetched:
        with pytest.raises(FetchFailed, match="429"):
            each.result(20)
    assert 4 < limited.refused < 40


def test_a_host_that_asks_for_a_long_pause_is_not_retried(
    image_server: ImageServer,
) -> None:
    limited = Limited(image_server, per_period=0, retry_after=lambda: "3600")
    with pytest.raises(FetchFailed, match="429"):
        loopback_fetcher(100, 10.0).fetch(limited.urls[0])
    assert limited.refused == 1


# --- the limit of concurrent requests ------------------------------------------------------------


def test_the_limit_is_halved_by_each_refusal_and_grows_with_answers() -> None:
    pace = HostPace(PER_HOST)
    assert pace.limit("a") == PER_HOST
    for limit in (4, 2, 1, 1):
        assert pace.refused("a", None) is None
        assert (pace.limit("a"), pace.limit("b")) == (limit, PER_HOST)
    limits = []
    for _ in range(40):
        pace.answered("a")
        limits.append(pace.limit("a"))
    assert limits == sorted(limits)
    assert limits[:3] == [2, 2, 3]
    assert limits[-1] == PER_HOST


def test_concurrent_refusals_count_once() -> None:
    pace = HostPace(PER_HOST)
    for _ in range(PER_HOST):
        assert pace.refused("a", 0.3) is not None
    assert pace.limit("a") == 0, "it is left alone"
    wait_until(lambda: pace.limit("a") > 0, "it is asked again")
    assert pace.limit("a") == PER_HOST // 2


def test_a_host_gets_fewer_concurrent_requests_after_a_refusal(image_server: ImageServer) -> None:
    limited = Limited(image_server, per_period=10, retry_after=lambda: "0.5")
    fetch_all(loopback_fetcher(100, 10.0, per_host=PER_HOST), limited.urls)
    assert max(limited.at_once[-5:]) < PER_HOST


@pytest.mark.parametrize("header", ["", "soon", "-5", "²", "1.2.3", "nan", "inf"])
def test_an_invalid_retry_after_is_ignored(header: str) -> None:
    assert seconds_until(header) is None


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("2", 2), ("1.5", 1.5), (" 3 ", 3)])
def test_retry_after_is_parsed(header: str, seconds: float) -> None:
    assert seconds_until(header) == seconds
