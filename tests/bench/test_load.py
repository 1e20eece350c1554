"""The load generator against a real server."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.figures import Sample
from bench.load import ClosedLoop, NothingWorks, Window
from bench.wire import Address
from tests.loopback import serving

LARGE = 3_000_000
"""Bytes of a body that no socket takes at once."""


class Handler(BaseHTTPRequestHandler):
    """Does what the path says."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        received = self.rfile.read(int(self.headers["Content-Length"]))
        number = self.server.count(received)
        if self.path == "/cut":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        elif self.path == "/chunked":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n")
            self.wfile.flush()
            self.wfile.write(b"ok\r\n0\r\n\r\n")
        else:
            status = 503 if self.path == "/every-third-fails" and number % 3 == 0 else 200
            self.send_response(status)
            self.send_header("Content-Length", "2")
            if self.path == "/closing":
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []
        self.connections = 0
        self._lock = threading.Lock()

    def count(self, body: bytes) -> int:
        with self._lock:
            self.bodies.append(body)
            return len(self.bodies)

    def get_request(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        self.connections += 1
        return super().get_request()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


def loop(server: Server, path: str, connections: int = 2, body: bytes = b"hello") -> ClosedLoop:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return ClosedLoop(Address(server.server_port), lambda: head + body, connections)


def test_as_many_requests_are_sent_as_were_asked_for(server: Server) -> None:
    sample = loop(server, "/", connections=4).run_count(50)
    assert sample.done == len(sample.latencies_s) == len(server.bodies) == 50
    assert server.connections == 4
    assert not sample.errors


def test_parts_of_a_run_share_their_connections(server: Server) -> None:
    with closing(loop(server, "/", connections=2)) as parts:
        assert [parts.run_part(requests).done for requests in (10, 20)] == [10, 20]
    assert server.connections == 2


def test_only_what_is_answered_in_the_window_counts(server: Server) -> None:
    sample = loop(server, "/", connections=3).run_for(0.3, warm_s=0.1)
    assert 0 < sample.done < len(server.bodies)
    assert sample.seconds == pytest.approx(0.3, abs=0.1)
    assert 0 < sample.generator_share <= 1
    assert all(0 < latency < 1 for latency in sample.latencies_s)


def test_a_window_lasts_until_its_last_answer() -> None:
    """Two bursts, 2 seconds apart; of a third one nothing is known when time is up."""
    window = Window()
    window.open(10.0)
    for now in (12.0, 12.0, 14.0, 14.0):
        window.count(now, 2.0)
    window.close(15.5)
    assert window.sample().rate == 1.0


def test_a_window_without_an_answer_has_its_whole_length() -> None:
    window = Window()
    window.open(10.0)
    window.count(11.0, 1.0, "Closed")
    window.close(15.0)
    assert window.sample() == Sample(5.0, 0, [], {"Closed": 1}, window.sample().generator_share)


def test_a_large_body_arrives_whole(server: Server) -> None:
    body = bytes(range(256)) * (LARGE // 256)
    sample = loop(server, "/", connections=2, body=body).run_count(4)
    assert sample.done == 4
    assert set(server.bodies) == {body}


def test_a_server_that_closes_after_each_answer_is_asked_on_a_new_connection(
    server: Server,
) -> None:
    sample = loop(server, "/closing", connections=2).run_count(10)
    assert sample.done == 10
    assert not sample.errors
    assert server.connections == 10


def test_an_answer_in_chunks_is_read_to_its_end(server: Server) -> None:
    assert loop(server, "/chunked").run_count(10).done == 10
    assert server.connections == 2


def test_refusals_are_errors_and_not_answers(server: Server) -> None:
    sample = loop(server, "/every-third-fails").run_count(30)
    assert sample.errors == {"status 503": 10}
    assert sample.done == 20


def test_an_answer_that_breaks_off_is_an_error(server: Server) -> None:
    sample = loop(server, "/cut").run_count(10)
    assert sample.errors == {"Closed": 10}
    assert sample.done == 0


def test_it_gives_up_if_no_server_listens() -> None:
    with serving(Server()) as server:
        gone = loop(server, "/")
    with pytest.raises(NothingWorks, match="ConnectionRefusedError"):
        gone.run_for(1, warm_s=0)
