"""A TCP proxy before Redis whose connections can go silent, as behind a firewall that drops."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.loopback import serving


@dataclass(eq=False)
class _Link:
    sent: bytes = b""
    is_silent: bool = False
    reads: bool = True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


class SilentProxy:
    """Forwards to a Redis on a Unix socket."""

    def __init__(self, redis_url: str) -> None:
        path = redis_url.removeprefix("unix://")
        links = self._links = list[_Link]()
        ending = self._ending = threading.Event()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                link = _Link()
                links.append(link)
                with socket.socket(socket.AF_UNIX) as server:
                    server.connect(path)
                    back = threading.Thread(
                        target=_forward, args=(server, self.request, link, ending), daemon=True
                    )
                    back.start()
                    _forward(self.request, server, link, ending, keep=True)
                    back.join()

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.block_on_close = False
        self.url = f"redis://127.0.0.1:{self._server.server_address[1]}/0"

    @contextmanager
    def running(self) -> Iterator["SilentProxy"]:
        with serving(self._server):
            yield self
            self._ending.set()

    def silence(self, command: bytes, *, reads: bool = True) -> int:
        """Forward nothing any more on the connections that have sent a command so far.

        Neither side learns that the other closes them. New ones work. Returns how many they are.
        Without `reads`, what is sent on them is not even taken.
        """
        silenced = [link for link in self._links if command in link.sent and not link.is_silent]
        for link in silenced:
            link.is_silent, link.reads = True, reads
        return len(silenced)


def _forward(
    source: socket.socket,
    sink: socket.socket,
    link: _Link,
    ending: threading.Event,
    *,
    keep: bool = False,
) -> None:
    with suppress(OSError):
        while content := source.recv(65_536):
            if keep:
                link.sent += content
            if not link.reads:
                ending.wait()
            if not link.is_silent:
                sink.sendall(content)
    if link.is_silent:
        return
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
