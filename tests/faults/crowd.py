"""Many clients at once, as sockets of one thread, and one that asks for /healthz meanwhile."""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import requests

ASK_EVERY_S = 0.1


@dataclass
class Health:
    """What a client saw that asked for /healthz all the time."""

    slowest_s: float = 0.0
    answers: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def asking_for_health(url: str) -> Iterator[Health]:
    """Ask on a new connection each time, as an orchestrator does."""
    health, ending = Health(), threading.Event()

    def ask() -> None:
        while not ending.wait(ASK_EVERY_S):
            started = time.monotonic()
            try:
                assert requests.get(f"{url}/healthz", timeout=20).ok
                health.answers += 1
            except requests.RequestException as error:
                health.failures.append(type(error).__name__)
            health.slowest_s = max(health.slowest_s, time.monotonic() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield health
    finally:
        ending.set()
        thread.join()


@dataclass(frozen=True)
class Answered:
    """The first of an answer, and how long it took; no status when the server hung up."""

    status: int | None
    head: str
    seconds: float


class Crowd:
    """Many connections; none reads before `read` is called."""

    def __init__(self, url: str, clients: int) -> None:
        address = urlsplit(url)
        self._close = ExitStack()
        self.sockets = [
            self._close.enter_context(_connected(str(address.hostname), address.port or 80))
            for _ in range(clients)
        ]
        self.started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()

    def send(self, content: bytes) -> int:
        """Send this on each connection that takes it; returns how many are still open."""
        return sum(_sent(each, content) for each in self.sockets)

    def answers(self, timeout_s: float) -> list[Answered]:
        """Read until each connection has an answer or is closed, or until the timeout."""
        answered: list[Answered] = []
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            for each in self.sockets:
                selector.register(each, selectors.EVENT_READ)
            while selector.get_map() and time.monotonic() < deadline:
                for key, _ in selector.select(1.0):
                    selector.unregister(key.fileobj)
                    assert isinstance(key.fileobj, socket.socket)
                    answered.append(self._answer(key.fileobj))
        return answered

    def _answer(self, each: socket.socket) -> Answered:
        try:
            head = each.recv(8192).decode("latin-1")
        except ConnectionResetError:
            head = ""
        status = int(head.split(" ")[1]) if head else None
        return Answered(status, head, time.monotonic() - self.started)


def _connected(host: str, port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect((host, port))
    client.setblocking(False)
    return client


def _sent(client: socket.socket, content: bytes) -> bool:
    try:
        client.send(content)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
