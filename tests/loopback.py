"""How a test's own servers are run."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from typing import TypeVar

Server = TypeVar("Server", bound=BaseServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve for as long as the context lasts, whatever ends it."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hanging_port() -> Iterator[int]:
    """A port of all loopback addresses, each a host of its own, that never answers."""
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        listening.listen(4096)
        yield listening.getsockname()[1]


def one_host(_number: int) -> str:
    return "127.0.0.3"


def many_hosts(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"
