"""Reusable daemon threads, which the process does not wait for at exit."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

log = structlog.get_logger()

Answer = TypeVar("Answer")

IDLE_S = 10.0
"""A thread without work ends after this long."""


class DaemonThreads:
    """At most `max_threads` threads, started on demand. Thread-safe.

    Unlike those of `concurrent.futures`, they do not keep the process from exiting.
    """

    def __init__(self, name: str, max_threads: int) -> None:
        self._name = name
        self._max_threads = max_threads
        self._waiting: deque[Callable[[], object]] = deque()
        self._idle = 0
        self._count = 0
        self._changed = threading.Condition()

    def run(self, work: Callable[[], object]) -> None:
        """Run `work` as soon as a thread is free.

        Raises:
            RuntimeError: there is no thread yet, and the system has none left.
        """
        with self._changed:
            self._waiting.append(work)
            if self._idle >= len(self._waiting):
                self._changed.notify()
            elif self._count < self._max_threads:
                self._begin(work)

    def submit(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run `work`, and return its result as a future."""
        answer: Future[Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised by `answer.result`
                answer.set_exception(error)

        self.run(run)
        return answer

    def _begin(self, work: Callable[[], object]) -> None:
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError:
            if self._count:  # another thread takes it
                return
            self._waiting.remove(work)
            raise
        self._count += 1

    def _serve(self) -> None:
        while work := self._next():
            try:
                work()
            except Exception:  # keep the thread for further work
                log.exception("work_failed", thread=self._name)
            del work  # free its memory while this thread waits

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting, IDLE_S)
            self._idle -= 1
            if self._waiting:
                return self._waiting.popleft()
            self._count -= 1
            return None
