"""A deadline for a whole HTTP exchange, which also ends one that trickles bytes."""

import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Self, TypeVar

from worker.net.alarms import Alarm, Alarms

Answer = TypeVar("Answer")


class Deadline:
    """Shuts down all covered sockets when the time is over; use it as a context manager."""

    def __init__(self, seconds: float, alarms: Alarms) -> None:
        self._at = time.monotonic() + seconds
        self._alarms = alarms
        self._alarm: Alarm | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def left_s(self) -> float:
        return max(0.0, self._at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        return self.left_s == 0

    def __enter__(self) -> Self:
        self._alarm = self._alarms.set(self._at, self._shut_down)
        return self

    def __exit__(self, *_: object) -> None:
        if self._alarm:
            self._alarms.cancel(self._alarm)
        with self._lock:
            self._sockets.clear()

    def cover(self, opened: socket.socket) -> None:
        """Cover a socket. Raises TimeoutError if the deadline has passed already."""
        with self._lock:
            self._sockets.add(opened)
        if self.has_passed:
            raise TimeoutError

    def uncover(self, opened: socket.socket) -> None:
        """Stop covering a socket whose connection serves another exchange."""
        with self._lock:
            self._sockets.discard(opened)

    def result_of(self, answer: Future[Answer]) -> Answer:
        """Wait for work that has no timeout.

        Raises TimeoutError at the deadline, and whatever the work raises.
        """
        return answer.result(self.left_s)

    def _shut_down(self) -> None:
        with self._lock:
            for opened in self._sockets:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
