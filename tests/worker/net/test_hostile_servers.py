"""Hostile servers, and how a worker that fetches from them behaves."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from common.errors import FetchFailed, FetchTimeout, ImageTooLarge, ItemError, UrlRefused
from tests.image_server import Answer, ImageServer, Stalling
from tests.loopback import serving
from tests.processes import wait_until
from tests.worker.fetchers import BlockingFetcher, TestResolver, loopback_fetcher
from worker.net.fetch import FetchLimits
from worker.net.guard import Endpoint

CONTENT = b"an image"


@pytest.fixture
def fetcher() -> BlockingFetcher:
    return loopback_fetcher(max_bytes=5_000, timeout_s=1.0)


def port_of(server: ImageServer) -> str:
    return server.url.rpartition(":")[2]


# --- names -------------------------------------------------------------------------------------


def test_a_name_that_changes_its_mind_gains_nothing(image_server: ImageServer) -> None:
    """The first answer is harmless and is what is connected to; the second is never asked for."""
    url = image_server.serve(CONTENT).replace("127.0.0.1", "rebinding.test")
    resolver = TestResolver({"rebinding.test": ["127.0.0.1", "10.0.0.1"]})
    fetcher = loopback_fetcher(100, 1.0, allow="127.0.0.1/32", resolve=resolver)
    assert fetcher.fetch(url) == CONTENT
    assert resolver.asked == ["rebinding.test"]
    with pytest.raises(UrlRefused):
        fetcher.fetch(url)


def test_a_name_that_turns_forbidden_between_hops_is_refused(image_server: ImageServer) -> None:
    port = port_of(image_server)
    goal = image_server.serve(CONTENT).replace("127.0.0.1", "rebinding.test")
    start = image_server.serve(b"", 302, Location=goal).replace("127.0.0.1", "rebinding.test")
    resolver = TestResolver({"rebinding.test": ["127.0.0.1", "127.0.0.2"]})
    fetcher = loopback_fetcher(100, 1.0, allow="127.0.0.1/32", resolve=resolver)
    with pytest.raises(UrlRefused):
        fetcher.fetch(start)
    assert port in start
    assert resolver.asked == ["rebinding.test"] * 2


def test_of_several_addresses_only_the_permitted_are_tried(image_server: ImageServer) -> None:
    def resolve(_host: str, port: int) -> list[Endpoint]:
        return [(socket.AF_INET, (address, port)) for address in ("10.0.0.1", "127.0.0.1")]

    fetcher = loopback_fetcher(100, 1.0, allow="127.0.0.1/32", resolve=resolve)
    url = image_server.serve(CONTENT).replace("127.0.0.1", "several.test")
    assert fetcher.fetch(url) == CONTENT


def test_a_host_allowed_by_name_may_be_inside(image_server: ImageServer) -> None:
    resolver = TestResolver({"images.test": "127.0.0.1", "other.test": "127.0.0.1"})
    fetcher = loopback_fetcher(100, 1.0, allow="Images.test", resolve=resolver)
    url = image_server.serve(CONTENT)
    assert fetcher.fetch(url.replace("127.0.0.1", "images.test")) == CONTENT
    assert fetcher.fetch(url.replace("127.0.0.1", "IMAGES.test.")) == CONTENT
    for name in ("other.test", "127.0.0.1", "sub.images.test", "images.test.evil"):
        with pytest.raises(UrlRefused):
            fetcher.fetch(url.replace("127.0.0.1", name))


def test_a_resolver_that_does_not_answer_ends_at_the_deadline(
    image_server: ImageServer,
) -> None:
    let_go = threading.Event()

    def resolve(_host: str, _port: int) -> list[Endpoint]:
        let_go.wait(30)
        return []

    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        loopback_fetcher(100, 0.3, resolve=resolve).fetch(image_server.serve(CONTENT))
    assert time.monotonic() - started < 3
    let_go.set()


def test_a_resolver_that_fails_is_no_refusal() -> None:
    def resolve(_host: str, _port: int) -> list[Endpoint]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    with pytest.raises(FetchFailed):
        loopback_fetcher(100, 10.0, resolve=resolve).fetch("http://some.test/")


def test_without_a_guard_nothing_is_fetched(image_server: ImageServer) -> None:
    with pytest.raises(UrlRefused, match="fetches no URLs"):
        BlockingFetcher(None, FetchLimits(100, 1.0)).fetch(image_server.serve(CONTENT))


# --- redirects ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "goal",
    [
        *("http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]/", "http://0/"),
        *("file:///etc/passwd", "gopher://8.8.8.8/", "http://2852039166/", "//10.0.0.1/x"),
        *("http://[::ffff:10.0.0.1]/", "http://[", "http://\x00/", "//[::1", "data:,x"),
    ],
)
def test_a_redirect_into_forbidden_space_is_refused(
    fetcher: BlockingFetcher, image_server: ImageServer, goal: str
) -> None:
    with pytest.raises(UrlRefused):
        fetcher.fetch(image_server.serve(b"", 302, Location=goal))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_chain_of_redirects_into_forbidden_space_is_refused(
    fetcher: BlockingFetcher, image_server: ImageServer, status: int
) -> None:
    url = "http://10.0.0.1/"
    for _ in range(4):
        url = image_server.serve(b"", status, Location=url)
    with pytest.raises(UrlRefused):
        fetcher.fetch(url)


def test_five_redirects_are_followed_and_six_are_not(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    url = image_server.serve(CONTENT)
    for _ in range(5):
        url = image_server.serve(b"", 302, Location=url)
    assert fetcher.fetch(url) == CONTENT
    with pytest.raises(FetchFailed, match="too many redirects"):
        fetcher.fetch(image_server.serve(b"", 302, Location=url))


def test_all_hops_share_one_deadline(image_server: ImageServer) -> None:
    def late(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.4)
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        loopback_fetcher(100, 0.6).fetch(image_server.behave(late))
    assert time.monotonic() - started < 2


# --- bytes -------------------------------------------------------------------------------------


def forever(head: bytes, piece: bytes) -> Answer:
    """Send a head, then a piece again and again until the connection ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(head)
            while True:
                handler.wfile.write(piece)

    return answer


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "piece", "kind"),
    [
        (b"", b"x" * 1000, FetchFailed),
        (OK, b"X-More: " + b"1" * 1000 + b"\r\n", FetchFailed),
        (OK + b"X-Long: ", b"1" * 1000, FetchFailed),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", FetchFailed),
        (OK + b"\r\n", b"x" * 1000, ImageTooLarge),
        (OK + b"Content-Length: 10\r\nContent-Length: 20\r\n\r\n", b"x", ItemError),
        (OK + b"Content-Length: -5\r\n\r\n", b"x" * 1000, ImageTooLarge),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"x" * 1000, ItemError),
        (CHUNKED, b"1" * 1000, ItemError),
        (CHUNKED, b"1\r\nx\r\n", ImageTooLarge),
        (CHUNKED, b"FFFFFFFFFFFFFFFF\r\n" + b"x" * 1000, ItemError),
        (CHUNKED, b"-5\r\nxxxxx\r\n", ItemError),
        (CHUNKED + b"0\r\n", b"X-Trailer: " + b"1" * 1000 + b"\r\n", ItemError),
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", b"x" * 1000, UrlRefused),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", b"x" * 1000, FetchFailed),
        (CHUNKED + b"1;", b"extension" * 100, ItemError),
    ],
)
def test_a_server_that_never_ends_is_cut_off(
    fetcher: BlockingFetcher,
    image_server: ImageServer,
    head: bytes,
    piece: bytes,
    kind: type[ItemError],
) -> None:
    with pytest.raises(kind) as caught:
        fetcher.fetch(image_server.behave(forever(head, piece)))
    assert not isinstance(caught.value, FetchTimeout), "it was cut off by bytes, not by time"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip, gzip, gzip, gzip, gzip, gzip, gzip"])
def test_a_bomb_within_a_bomb_is_refused(
    fetcher: BlockingFetcher, image_server: ImageServer, encoding: str
) -> None:
    bomb = b"\0" * 10_000_000
    for _ in encoding.split(","):
        bomb = gzip.compress(bomb)
    with pytest.raises(ItemError):
        fetcher.fetch(image_server.serve(bomb, Content_Encoding=encoding))


def test_a_length_that_is_too_short_cuts_the_image(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    url = image_server.serve(CONTENT, Content_Length="4")
    assert fetcher.fetch(url) == CONTENT[:4]


# --- how often, and how many at once -----------------------------------------------------------


class Dropping:
    """Closes the first connections without a word, then answers."""

    def __init__(self, server: ImageServer, drops: int) -> None:
        self.asked = 0
        self._drops = drops
        self.url = server.behave(self._answer)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        handler.close_connection = True
        if self.asked > self._drops:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
            handler.wfile.write(b"Content-Length: 2\r\n\r\nok")


def test_a_connection_that_fails_is_tried_once_more(
    fetcher: BlockingFetcher, image_server: ImageServer
) -> None:
    assert fetcher.fetch(Dropping(image_server, drops=1).url) == b"ok"
    dropping = Dropping(image_server, drops=2)
    with pytest.raises(FetchFailed):
        fetcher.fetch(dropping.url)
    assert dropping.asked == 2


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_is_not_tried_again(
    fetcher: BlockingFetcher, image_server: ImageServer, status: int
) -> None:
    asked = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with pytest.raises(FetchFailed, match=str(status)):
        fetcher.fetch(image_server.behave(answer))
    assert len(asked) == 1


def test_a_host_is_asked_for_a_few_images_at_once_and_others_do_not_wait(
    image_server: ImageServer,
) -> None:
    fetcher = loopback_fetcher(100, 20.0, per_host=2)
    stalling = Stalling(image_server, CONTENT)
    elsewhere = image_server.serve(CONTENT).replace("127.0.0.1", "127.0.0.2")
    threads = [threading.Thread(target=fetcher.fetch, args=(stalling.url,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        assert stalling.asked.acquire(timeout=10)
    with suppress(FetchFailed):  # the port is closed, which is found out at once
        fetcher.fetch(elsewhere)
    assert not stalling.asked.acquire(timeout=0.2), "a third one was asked for"
    stalling.let_go.set()
    wait_until(lambda: not any(thread.is_alive() for thread in threads), "all are delivered")


def test_an_image_that_waits_for_its_host_has_all_of_its_time(
    image_server: ImageServer,
) -> None:
    patient = loopback_fetcher(100, 0.5, per_host=1)
    stalling = Stalling(image_server, CONTENT)
    first = threading.Thread(target=lambda: _ignored(patient, stalling.url))
    first.start()
    assert stalling.asked.acquire(timeout=10)
    with pytest.raises(FetchTimeout):
        patient.fetch(stalling.url)
    assert stalling.asked.acquire(blocking=False), "it was asked for after the first"
    stalling.let_go.set()
    first.join()


def _ignored(fetcher: BlockingFetcher, url: str) -> None:
    with suppress(ItemError):
        fetcher.fetch(url)


# --- TLS and proxies ---------------------------------------------------------------------------


@contextmanager
def tls_server(host: str) -> Iterator[tuple[str, list[str]]]:
    """An https server with an unknown certificate; records what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"https://{host}:{server.server_address[1]}/secret-path", asked


def test_an_unknown_certificate_is_not_accepted(fetcher: BlockingFetcher) -> None:
    with tls_server("127.0.0.1") as (url, asked):
        with pytest.raises(FetchFailed):
            fetcher.fetch(url)
        assert asked == []


def test_a_proxy_of_the_environment_is_used_only_if_configured(
    image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is asked for the whole URL, of a name that only it can resolve."""
    image_server.answer_to("http://outside.test/x", CONTENT)
    monkeypatch.setenv("http_proxy", image_server.url)
    guard = loopback_fetcher(100, 1.0, allow="")._guard
    with_proxy, without = (
        BlockingFetcher(guard, FetchLimits(100, 1.0), use_proxies=use) for use in (True, False)
    )
    assert with_proxy.fetch("http://outside.test/x") == CONTENT
    with pytest.raises(ItemError):
        without.fetch("http://outside.test/x")
    for spelled_out in ("http://10.0.0.1/", "http://2852039166/", "http://[::1]/", "http://0/"):
        with pytest.raises(UrlRefused):
            with_proxy.fetch(spelled_out)
