"""A deadline for a whole HTTP exchange: no slow drip of headers or bytes outlives it."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Self, TypeVar

Answer = TypeVar("Answer")


class Deadline:
    """Shuts down every socket it was told of once its time has come; use it as a context."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    @property
    def left_s(self) -> float:
        return max(0.0, self._at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        return self.left_s == 0

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

    def bound(self, work: Callable[[], Answer]) -> Answer:
        """Do what knows no timeout of its own, in a thread that is left behind when it is late.

        Raises TimeoutError when the time has come, and whatever `work` raises.
        """
        answer: Future[Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                answer.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return answer.result(self.left_s)

    def _shut_down(self) -> None:
        with self._lock:
            for opened in self._sockets:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
