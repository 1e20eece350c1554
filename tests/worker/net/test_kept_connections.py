"""Kept connections: which hosts reuse them, how many there are, and for how long."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from common.errors import FetchFailed, UrlRefused
from tests.connect_proxy import connect_proxy
from tests.image_server import ImageServer
from tests.processes import wait_until
from tests.tls_images import TlsImages, tls_images
from tests.worker.fetchers import BlockingFetcher, TestResolver, loopback_fetcher
from worker.batching.policy import PartRef
from worker.net import guarded_adapter
from worker.net.exchange import ClientOptions
from worker.net.fetch import FetchLimits
from worker.net.guard import Allowed, Guard, Ports, look_up
from worker.net.trust import trusting

CONTENT = b"an image"
PER_HOST = 4
OURS = {"fetch", "name-lookup", "alarms"}


@pytest.fixture
def images(tmp_path: Path) -> Iterator[TlsImages]:
    with tls_images(tmp_path, CONTENT) as images:
        yield images


def fetcher_of(images: TlsImages, resolver: TestResolver | None = None) -> BlockingFetcher:
    return loopback_fetcher(
        1_000,
        20.0,
        per_host=PER_HOST,
        resolve=resolver or look_up,
        trusted=partial(trusting, [images.authority]),
    )


class Connections:
    """A server that records the connection of each request."""

    def __init__(self, server: ImageServer) -> None:
        self.of_requests: list[int] = []
        self.url = server.behave(self._answer)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.of_requests.append(handler.client_address[1])
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT)


def test_many_images_on_a_host_need_few_connections_and_threads(images: TlsImages) -> None:
    fetcher = fetcher_of(images)
    before = set(threading.enumerate())
    begun = set[threading.Thread]()

    def use(content: bytes, _seconds: float) -> bytes:
        begun.update(thread for thread in threading.enumerate() if thread.name in OURS)
        return content

    fetched: list[Future[bytes]] = [
        fetcher.submit(images.url(f"{number}.png"), PartRef(f"job-{number % 8}"), use)
        for number in range(200)
    ]
    assert [each.result() for each in fetched] == [CONTENT] * 200
    assert len(images.asked) == 200
    assert images.connections <= PER_HOST
    assert len(begun - before) < 50


def test_a_connection_serves_only_its_own_host(images: TlsImages) -> None:
    """Two names resolve to one address, and one certificate is valid for both."""
    names = {"images.test": "127.0.0.1", "other.test": "127.0.0.1"}
    fetcher = fetcher_of(images, TestResolver(names))
    for host in ("images.test", "other.test", "images.test", "other.test"):
        assert fetcher.fetch(images.url(host=host)) == CONTENT
    by_connection = {(host, port) for host, _, port in images.asked}
    assert len(by_connection) == images.connections == 2


def test_a_connection_is_not_reused_when_its_name_resolves_elsewhere(images: TlsImages) -> None:
    resolver = TestResolver({"images.test": ["127.0.0.1", "10.0.0.1"]})
    fetcher = fetcher_of(images, resolver)
    assert fetcher.fetch(images.url(host="images.test")) == CONTENT
    with pytest.raises(UrlRefused):
        fetcher.fetch(images.url(host="images.test"))
    assert len(images.asked) == 1
    assert resolver.asked == ["images.test"] * 2


def test_a_name_with_a_new_address_gets_a_new_connection(image_server: ImageServer) -> None:
    port = image_server.url.rpartition(":")[2]
    ports = Connections(image_server)
    url = ports.url.replace("127.0.0.1", "images.test")
    resolver = TestResolver({"images.test": ["127.0.0.1", "127.0.0.1", "127.0.0.2"]})
    fetcher = loopback_fetcher(100, 5.0, resolve=resolver)
    assert [fetcher.fetch(url) for _ in range(2)] == [CONTENT] * 2
    assert len(set(ports.of_requests)) == 1
    with pytest.raises(Exception, match="fetched"):  # nothing listens at the new address
        fetcher.fetch(url)
    assert len(ports.of_requests) == 2
    assert port in url


def test_a_redirect_keeps_the_connection(image_server: ImageServer) -> None:
    ports = Connections(image_server)
    start = image_server.serve(b"", 302, Location=ports.url)
    fetcher = loopback_fetcher(100, 5.0)
    for _ in range(3):
        assert fetcher.fetch(start) == CONTENT
    assert len(set(ports.of_requests)) == 1


def test_a_connection_that_the_server_has_closed_is_replaced(image_server: ImageServer) -> None:
    asked = []

    def once(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.client_address[1])
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        handler.close_connection = True

    url = image_server.behave(once)
    fetcher = loopback_fetcher(100, 5.0)
    assert [fetcher.fetch(url) for _ in range(3)] == [b"ok"] * 3
    assert len(set(asked)) == 3


def test_bytes_after_an_image_do_not_answer_the_next_request(image_server: ImageServer) -> None:
    def two_answers(handler: BaseHTTPRequestHandler) -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        handler.wfile.write(answer + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    url, true = image_server.behave(two_answers), image_server.serve(CONTENT)
    fetcher = loopback_fetcher(100, 5.0)
    for _ in range(20):
        assert [fetcher.fetch(url), fetcher.fetch(true)] == [b"ok", CONTENT]


def test_the_deadline_of_one_exchange_does_not_end_the_next(
    image_server: ImageServer,
) -> None:
    """The same connection serves both; the second lasts beyond the deadline of the first."""
    ports = Connections(image_server)
    fetcher = loopback_fetcher(100, 0.6)
    assert fetcher.fetch(ports.url) == CONTENT
    first_ends = time.monotonic() + 0.6

    def late(handler: BaseHTTPRequestHandler) -> None:
        ports.of_requests.append(handler.client_address[1])
        wait_until(lambda: time.monotonic() > first_ends + 0.1, "the first deadline has passed")
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    url = image_server.behave(late)
    wait_until(lambda: time.monotonic() > first_ends - 0.3, "there is little left of the first")
    assert fetcher.fetch(url) == b"ok"
    assert len(set(ports.of_requests)) == 1


def test_idle_connections_are_closed(
    image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_adapter, "KEPT_S", 0.2)
    ended = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        handler.wfile.flush()
        if handler.connection.recv(1) == b"":
            ended.set()
        handler.close_connection = True

    fetcher = loopback_fetcher(100, 5.0)
    assert fetcher.fetch(image_server.behave(answer)) == b"ok"
    assert ended.wait(10)


def test_the_number_of_idle_connections_is_limited(
    image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each host has one; all are closed when there are too many."""
    monkeypatch.setattr(guarded_adapter, "MAX_KEPT", 3)
    ports = Connections(image_server)
    hosts = [f"host-{number}.test" for number in range(8)]
    resolver = TestResolver(dict.fromkeys(hosts, "127.0.0.1"))
    fetcher = loopback_fetcher(100, 5.0, resolve=resolver)
    urls = [ports.url.replace("127.0.0.1", host) for host in hosts]
    for url in urls:
        assert fetcher.fetch(url) == CONTENT
    before = set(ports.of_requests)
    for url in reversed(urls):
        assert fetcher.fetch(url) == CONTENT
    assert len(before & set(ports.of_requests[len(urls) :])) <= 3


def test_a_tunnel_through_a_proxy_serves_only_its_own_host(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy resolves the names."""
    options = ClientOptions(partial(trusting, [images.authority]))
    guard = Guard(Ports.parse("1-65535"), Allowed(), look_up)
    with connect_proxy() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        fetcher = BlockingFetcher(guard, FetchLimits(100, 10.0), use_proxies=True, options=options)
        for host in ("images.test", "images.test", "other.test", "images.test"):
            assert fetcher.fetch(images.url(host=host)) == CONTENT
        assert proxy.tunnels == [f"{host}:{images.port}" for host in ("images.test", "other.test")]
        with pytest.raises(UrlRefused):
            fetcher.fetch(images.url(host="10.0.0.1"))


def test_a_socks_proxy_is_refused(images: TlsImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    guard = Guard(Ports.parse("1-65535"), Allowed(), look_up)
    fetcher = BlockingFetcher(guard, FetchLimits(100, 10.0), use_proxies=True)
    with pytest.raises(FetchFailed):
        fetcher.fetch(images.url(host="images.test"))
    assert images.asked == []
