"""How a request thread learns that its job has ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from cachetools import LRUCache
from redis.client import PubSub
from redis.exceptions import RedisError

from common.ledger.jobs import Ledger

log = structlog.get_logger()

REMEMBERED_NOTIFICATIONS = 1024
QUIET_S = 0.5
"""The listener sends a ping after this long without a message."""
MAX_UNANSWERED_PINGS = 2


class Waiter:
    """Wakes request threads: a listener receives notifications, a sweep finds missed ones.

    The sweep also does other periodic work. Both threads start with the first request, so after
    gunicorn's fork, and serve all requests of the process.
    """

    def __init__(self, ledger: Ledger, sweep: Callable[[], object], sweep_s: float = 0.5) -> None:
        self._ledger = ledger
        self._on_sweep = sweep
        self._sweep_s = sweep_s
        self._watches: dict[str, list[threading.Event]] = {}
        self._notified: LRUCache[str, None] = LRUCache(REMEMBERED_NOTIFICATIONS)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    @contextmanager
    def watch(self, job: str) -> Iterator[threading.Event]:
        """An event that is set once the job has ended, or is gone.

        A job may end before it is watched, so the last notifications are remembered. The sweep
        finds jobs whose notification was lost or forgotten.
        """
        watch = threading.Event()
        with self._lock:
            self._start()
            self._watches.setdefault(job, []).append(watch)
            if job in self._notified:
                watch.set()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[job].remove(watch)
                if not self._watches[job]:
                    del self._watches[job]

    def close(self) -> None:
        """Stop both threads; after that only their timeouts wake waiting requests."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        if not self._threads:
            for loop in (self._listen, self._sweep):
                thread = threading.Thread(target=loop, name=loop.__name__, daemon=True)
                thread.start()
                self._threads.append(thread)

    def _wake(self, job: str) -> None:
        with self._lock:
            self._notified[job] = None
            for watch in self._watches.get(job, ()):
                watch.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._ledger.notifications() as channel:
                    self._listen_to(channel)
            except RedisError as error:
                log.warning("listener_interrupted", error=type(error).__name__)
                self._closed.wait(QUIET_S)
            except Exception:  # keep the thread alive: requests depend on it
                log.exception("listener_failed")
                self._closed.wait(QUIET_S)

    def _listen_to(self, channel: PubSub) -> None:
        """Listen until closed, or until pings are unanswered. Raises RedisError if it is lost.

        A firewall may drop a connection without notice to either side.
        """
        unanswered = 0
        while not self._closed.is_set():
            message = channel.get_message(timeout=QUIET_S)
            if message is None:
                if unanswered == MAX_UNANSWERED_PINGS:
                    log.warning("listener_interrupted", error="no answer to pings")
                    return
                channel.ping()
                unanswered += 1
                continue
            unanswered = 0
            if message["type"] == "message":
                self._wake(message["data"].decode())

    def _sweep(self) -> None:
        while not self._closed.wait(self._sweep_s):
            for step in (self._wake_ended, self._on_sweep):
                try:
                    step()
                except RedisError as error:
                    log.warning("sweep_interrupted", error=type(error).__name__)
                except Exception:  # keep the thread alive: requests depend on it
                    log.exception("sweep_failed")

    def _wake_ended(self) -> None:
        with self._lock:
            jobs = list(self._watches)
        if not jobs:
            return
        for job, has_ended in zip(jobs, self._ledger.ended(jobs), strict=True):
            if has_ended:
                self._wake(job)
