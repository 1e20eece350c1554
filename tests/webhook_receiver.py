"""A receiver of webhooks: a web server on loopback."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.loopback import serving
from tests.processes import wait_until

Answer = Callable[[BaseHTTPRequestHandler], None]


def signature(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """What the specification says: base64 of HMAC-SHA256 over id, timestamp and body."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass
class Received:
    """One request."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answering(status: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


@dataclass
class Stalled:
    """Answers no request before it is let go."""

    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.release()
        self.let_go.wait(60)
        with suppress(OSError):
            answering(204)(handler)


class Receiver:
    """Gives the answers it was created with, in order, then 204."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver.answers.pop(0) if receiver.answers else answering(204)
                receiver.received.append(Received(time.monotonic(), self.path, headers, body))
                with suppress(OSError):
                    answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?token=of-theirs"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        with serving(self._server):
            yield self

    def wait_for(self, count: int, timeout_s: float = 30) -> list[Received]:
        wait_until(lambda: len(self.received) >= count, f"{count} requests came", timeout_s)
        return self.received
