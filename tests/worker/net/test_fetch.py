import gzip
import time
from http.server import BaseHTTPRequestHandler

import pytest

from common.errors import FetchFailed, FetchTimeout, ImageTooLarge, ItemError, UrlRefused
from tests.image_server import ImageServer
from tests.worker.fetchers import BlockingFetcher, loopback_fetcher
from worker.net.fetch import FetchLimits
from worker.net.guard import Allowed, Guard, Ports

CONTENT = bytes(range(256)) * 10


class NoThread:
    """A thread where there are as many as the system allows."""

    def __init__(self, **_: object) -> None: ...

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


@pytest.fixture
def fetcher() -> BlockingFetcher:
    return loopback_fetcher(max_bytes=5_000, timeout_s=2.0)


def test_the_bytes_come_as_they_are(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    assert fetcher.fetch(image_server.serve(CONTENT)) == CONTENT


def test_compression_is_undone(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    url = image_server.serve(gzip.compress(CONTENT), Content_Encoding="gzip")
    assert fetcher.fetch(url) == CONTENT


def test_a_redirect_is_followed(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    goal = image_server.serve(CONTENT)
    assert fetcher.fetch(image_server.serve(b"", 302, Location=goal)) == CONTENT


def test_redirects_end(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    url = image_server.serve(b"", 302, Location="/0")
    with pytest.raises(FetchFailed):
        fetcher.fetch(url)


@pytest.mark.parametrize("status", [204, 403, 404, 500])
def test_another_status_is_an_error(
    fetcher: BlockingFetcher, image_server: ImageServer, status: int
) -> None:
    with pytest.raises(FetchFailed, match=str(status)):
        fetcher.fetch(image_server.serve(b"", status))


def test_too_much_is_refused(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    with pytest.raises(ImageTooLarge):
        fetcher.fetch(image_server.serve(b"x" * 5_001))


def test_what_unpacks_to_too_much_is_refused(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(ImageTooLarge):
        fetcher.fetch(image_server.serve(bomb, Content_Encoding="gzip"))


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever, each in time for a timeout on reading."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.1)
    except OSError:
        handler.close_connection = True


def test_a_slow_drip_ends_at_the_deadline(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        fetcher.fetch(image_server.behave(drip))
    assert time.monotonic() - started < 4


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    """A header now and then, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        while True:
            handler.wfile.write(b"X-More: 1\r\n")
            time.sleep(0.3)
    except OSError:
        handler.close_connection = True


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)
    handler.close_connection = True


def test_dripping_headers_end_at_the_deadline(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        fetcher.fetch(image_server.behave(drip_headers))
    assert time.monotonic() - started < 4


def test_what_is_cut_short_is_an_error(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    with pytest.raises(FetchFailed):
        fetcher.fetch(image_server.behave(cut_short))


def test_what_is_no_gzip_is_an_error(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    with pytest.raises(FetchFailed):
        fetcher.fetch(image_server.serve(b"plain", Content_Encoding="gzip"))


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(2)
    handler.close_connection = True


def test_silence_ends_at_the_deadline(fetcher: BlockingFetcher, image_server: ImageServer) -> None:
    with pytest.raises(FetchTimeout):
        fetcher.fetch(image_server.behave(silence))


def test_a_closed_port_is_an_error(fetcher: BlockingFetcher) -> None:
    with pytest.raises(FetchFailed):
        fetcher.fetch("http://127.0.0.1:9/x.png")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://", "nonsense", ""])
def test_what_is_no_web_address_is_refused(fetcher: BlockingFetcher, url: str) -> None:
    with pytest.raises(UrlRefused):
        fetcher.fetch(url)


def test_a_proxy_of_the_environment_is_not_used(
    fetcher: BlockingFetcher, image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetcher.fetch(image_server.serve(CONTENT)) == CONTENT


def test_a_thread_that_cannot_start_costs_its_image_alone(
    fetcher: BlockingFetcher, image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = image_server.serve(CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr("worker.net.threads.threading.Thread", NoThread)
        for _ in range(20):
            with pytest.raises(FetchFailed):
                fetcher.fetch(url)
    assert fetcher.fetch(url) == CONTENT


def test_errors_do_not_tell_what_the_network_looks_like(fetcher: BlockingFetcher) -> None:
    with pytest.raises(ItemError) as caught:
        fetcher.fetch("http://127.0.0.1:9/x.png")
    assert "127.0.0.1" not in str(caught.value)
    assert "refused" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:8899/x.png", "http://10.0.0.1/x", "ftp://8.8.8.8"]
)
def test_a_refusal_names_what_the_operator_can_set(url: str) -> None:
    guard = Guard(Ports.parse("80,443"), Allowed())
    with pytest.raises(UrlRefused) as caught:
        BlockingFetcher(guard, FetchLimits(100, 5.0)).fetch(url)
    for word in ("private networks are off by default", "CLIP_FETCH_ALLOW", "CLIP_FETCH_PORTS"):
        assert word in caught.value.detail
    assert caught.value.detail == UrlRefused.title
    assert "\n" not in caught.value.detail
    assert "localhost" not in caught.value.detail
