"""A deadline for a whole HTTP exchange: no slow drip of headers or bytes outlives it."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any, Self

import urllib3
from requests.adapters import HTTPAdapter


class Deadline:
    """Shuts down every socket it was told of once its time has come; use it as a context."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    @property
    def has_passed(self) -> bool:
        return time.monotonic() >= self._at

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def cover(self, opened: socket.socket) -> None:
        """Have this socket shut down too. Raises TimeoutError when the time has come already."""
        with self._lock:
            self._sockets.append(opened)
        if self.has_passed:
            raise TimeoutError

    def _shut_down(self) -> None:
        with self._lock, suppress(OSError):
            for opened in self._sockets:
                opened.shutdown(socket.SHUT_RDWR)


class DeadlineAdapter(HTTPAdapter):
    """Tells a deadline of every socket that a session opens, those of redirects included."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _covered(urllib3.HTTPConnectionPool, self._deadline),
            "https": _covered(urllib3.HTTPSConnectionPool, self._deadline),
        }


def _covered(pool: Any, deadline: Deadline) -> Any:  # noqa: ANN401
    """A kind of pool whose connections tell the deadline of their sockets."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            deadline.cover(self.sock)

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
