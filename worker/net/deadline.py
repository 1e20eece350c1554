"""A deadline for a whole HTTP exchange, which also ends one that trickles bytes."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Self, TypeVar

Answer = TypeVar("Answer")


class Deadline:
    """Shuts down all covered sockets when the time is over; use it as a context manager."""

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
        """Cover a socket. Raises TimeoutError if the deadline has passed already."""
        with self._lock:
            self._sockets.append(opened)
        if self.has_passed:
            raise TimeoutError

    def bound(self, work: Callable[[], Answer]) -> Answer:
        """Run `work`, which has no timeout, in a thread that is abandoned at the deadline.

        Raises TimeoutError at the deadline, and whatever `work` raises.
        """
        answer: Future[Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised by `answer.result`
                answer.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return answer.result(self.left_s)

    def _shut_down(self) -> None:
        with self._lock:
            for opened in self._sockets:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
