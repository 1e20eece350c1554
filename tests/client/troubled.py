"""A proxy in front of the service that fails like a network, then forwards requests."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from tests.loopback import serving

HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "server", "date")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: Message
    body: bytes


Trouble = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Meets a request with the next trouble there is, or forwards it."""

    protocol_version = "HTTP/1.1"
    proxy: "TroubledProxy"

    def do_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.proxy.seen.append(Seen(self.command, self.path, self.headers, self.body))
        trouble = self.proxy.troubles.popleft() if self.proxy.troubles else forward
        trouble(self)

    do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815 - names of the library

    def fetch(self) -> requests.Response:
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        return requests.request(
            self.command, self.proxy.target + self.path, headers=kept, data=self.body, timeout=60
        )

    def log_message(self, *_: object) -> None: ...


def forward(handler: Handler) -> None:
    answer = handler.fetch()
    handler.send_response(answer.status_code)
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.content)))
    handler.end_headers()
    handler.wfile.write(answer.content)


def drop(handler: Handler) -> None:
    """End the connection without an answer."""
    handler.close_connection = True


def lose_answer(handler: Handler) -> None:
    """Have the work done, and then end the connection without an answer."""
    handler.fetch()
    drop(handler)


def refuse(status: int, body: bytes = b"<html>", **headers: str) -> Trouble:
    def trouble(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return trouble


class TroubledProxy:
    """`troubles` are met by the next requests, one each; `seen` are all that came."""

    def __init__(self, target: str, port: int = 0) -> None:
        self.target = target
        self.troubles: deque[Trouble] = deque()
        self.seen: list[Seen] = []
        handler = type("Bound", (Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["TroubledProxy"]:
        with serving(self._server):
            yield self

    @property
    def keys(self) -> list[str | None]:
        return [seen.headers["Idempotency-Key"] for seen in self.seen if seen.method == "POST"]
