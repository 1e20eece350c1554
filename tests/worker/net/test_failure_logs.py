"""Each failed fetch logs one line with the cause, which the client does not see."""

import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from common.errors import ItemError, NotAnImage, UrlRefused
from common.webhooks.outbox import Claim, Delivery
from tests.image_server import ImageServer
from tests.tls_images import tls_images
from tests.worker.fetchers import LOOPBACK, BlockingFetcher, TestResolver, loopback_fetcher
from worker.batching.policy import PartRef
from worker.net.fetch import FetchLimits
from worker.net.guard import Allowed, Endpoint, Guard, Ports
from worker.webhooks.delivery import Sender

SECRET = "token-that-must-not-leak"
REQUEST, JOB = "a-request", "a-job"


@pytest.fixture(autouse=True)
def _request() -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(request_id=REQUEST):
        yield


def failed(fetcher: BlockingFetcher, url: str) -> dict[str, Any]:
    """The log line of a failed fetch; the error for the client contains none of it but a status."""
    part = PartRef(JOB)
    with capture_logs() as logs, pytest.raises(ItemError) as caught:
        fetcher.submit(f"{url}?{SECRET}", part, lambda content, _: content).result(20)
    [line] = [line for line in logs if line["event"] == "fetch_failed"]
    assert line["log_level"] == "info"
    assert (line["request_id"], line["job"]) == (REQUEST, JOB)
    assert line["code"] == caught.value.code
    assert 0 <= line["ms"] < 20_000
    assert SECRET not in str(line)
    for word in (line["address"], line["error"]):
        assert not word or word == "FetchFailed" or word not in str(caught.value)
    return dict(line)


def silent(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(404)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def test_a_closed_port() -> None:
    line = failed(loopback_fetcher(100, 5.0), "http://127.0.0.1:9/x.png")
    assert (line["host"], line["address"]) == ("127.0.0.1", "127.0.0.1")
    assert line["error"] == "ConnectionRefusedError"
    assert "refused" in line["reason"]


def test_another_status(image_server: ImageServer) -> None:
    image_server._answers[f"/missing?{SECRET}"] = missing
    line = failed(loopback_fetcher(100, 5.0), f"{image_server.url}/missing")
    assert (line["address"], line["error"]) == ("127.0.0.1", "FetchFailed")
    assert "404" in line["reason"]


def test_an_unknown_certificate(tmp_path: Path) -> None:
    with tls_images(tmp_path) as images:
        line = failed(loopback_fetcher(100, 5.0, allow="localhost"), images.url())
    assert (line["host"], line["address"]) == ("localhost", "127.0.0.1")
    assert line["error"] == "SSLCertVerificationError"


def test_a_silent_server(image_server: ImageServer) -> None:
    image_server._answers[f"/silent?{SECRET}"] = silent
    line = failed(loopback_fetcher(100, 5.0), f"{image_server.url}/silent")
    assert line["error"] == "RemoteDisconnected"


def test_an_unknown_name() -> None:
    line = failed(loopback_fetcher(100, 5.0, resolve=TestResolver({})), "http://nowhere.invalid/x")
    assert (line["host"], line["address"]) == ("nowhere.invalid", "")
    assert (line["error"], line["code"]) == ("gaierror", "url_refused")


def test_a_forbidden_address_or_port() -> None:
    resolver = TestResolver({"inside.test": "10.1.2.3"})
    fetcher = BlockingFetcher(Guard(Ports.parse("80"), Allowed(), resolver), FetchLimits(100, 5.0))
    line = failed(fetcher, "http://inside.test/x")
    assert (line["host"], line["address"]) == ("inside.test", "10.1.2.3")
    assert (line["error"], line["reason"]) == ("Forbidden", "address 10.1.2.3")
    assert failed(fetcher, "http://inside.test:8080/x")["reason"] == "port 8080"


def test_a_resolver_that_hangs() -> None:
    let_go = threading.Event()

    def resolve(_host: str, _port: int) -> Sequence[Endpoint]:
        let_go.wait(30)
        return []

    line = failed(loopback_fetcher(100, 0.2, resolve=resolve), "http://slow.test/x")
    assert (line["error"], line["code"]) == ("TimeoutError", "fetch_timeout")
    assert line["ms"] >= 200
    let_go.set()


def test_a_paused_host() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        fetcher = loopback_fetcher(100, 0.1)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        lines = [failed(fetcher, url) for _ in range(4)]
    assert {line["code"] for line in lines} == {"fetch_timeout"}


def test_a_fetched_file_that_is_not_an_image_is_not_logged(image_server: ImageServer) -> None:
    def use(_content: bytes, _seconds: float) -> bytes:
        raise NotAnImage

    fetched = loopback_fetcher(100, 5.0).submit(image_server.serve(b"text"), PartRef(), use)
    with capture_logs() as logs, pytest.raises(NotAnImage):
        fetched.result(20)
    assert logs == []


def test_a_webhook_that_is_not_sent() -> None:
    delivery = Delivery(
        f"http://127.0.0.1:9/{SECRET}", "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", 0, 0
    )
    sender = Sender(LOOPBACK, [b"key"], 5, use_proxies=False)
    with capture_logs() as logs, pytest.raises(ItemError):
        sender.send(Claim(JOB, 1, "127.0.0.1", delivery))
    [line] = logs
    assert (line["event"], line["job"], line["address"]) == ("webhook_not_sent", JOB, "127.0.0.1")
    assert line["error"] == "ConnectionRefusedError"
    assert SECRET not in str(line)


def test_a_url_without_a_host_is_logged_too() -> None:
    with capture_logs() as logs, pytest.raises(UrlRefused):
        loopback_fetcher(100, 5.0).fetch("http://[")
    assert [line["event"] for line in logs] == ["fetch_failed"]
