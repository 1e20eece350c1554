"""A proxy with tunnels (CONNECT) on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.loopback import serving


@dataclass
class ConnectProxy:
    url: str
    tunnels: list[str] = field(default_factory=list)
    """Host and port of each tunnel."""


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.tunnels.append(self.path)
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as far:
                threading.Thread(target=_pass_on, args=(far, self.connection), daemon=True).start()
                _pass_on(self.connection, far)
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = ConnectProxy(f"http://127.0.0.1:{server.server_address[1]}")
    with serving(server):
        yield proxy


def _pass_on(source: socket.socket, goal: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            goal.sendall(piece)
        goal.shutdown(socket.SHUT_WR)
