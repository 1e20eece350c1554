"""The load generator: a closed loop of connections in one thread.

Each connection sends its next request as soon as the last one is answered. One thread with
non-blocking sockets and prepared bytes takes 0.1 to 0.2 ms of CPU per request; every sample has
the generator's share of the machine.
"""

import os
import selectors
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.connection import Closed, Connection
from bench.figures import Sample
from bench.wire import Address, MakeRequest

OK = 200
PATIENCE_S = 120.0
LOOK_UP_S = 0.2
MOST_FAILURES = 200
"""Consecutive errors after which a measurement is aborted."""


class NothingWorks(Exception):
    """The server refuses one request after another; the message says how."""


@dataclass
class Window:
    """The counted period; `started` is zero before it.

    It ends with its last answer. Otherwise a server that answers in batches would be charged with
    the time of a batch whose answers came too late to count.
    """

    started: float = 0.0
    ended: float = 0.0
    answered: float = 0.0
    cpu_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def is_open(self) -> bool:
        return bool(self.started and not self.ended)

    def open(self, now: float) -> None:
        self.started = now
        self.cpu_s = -time.process_time()

    def close(self, now: float) -> None:
        self.ended = now
        self.cpu_s += time.process_time()

    def count(self, now: float, seconds: float, error: str = "") -> None:
        """One request: its duration, and its answer or error."""
        if error:
            self.errors[error] += 1
        else:
            self.answered = now
            self.latencies_s.append(seconds)

    def sample(self) -> Sample:
        open_s = self.ended - self.started
        share = self.cpu_s / open_s / (os.cpu_count() or 1) if open_s else 0.0
        seconds = self.answered - self.started if self.answered else open_s
        return Sample(seconds, len(self.latencies_s), self.latencies_s, dict(self.errors), share)


class ClosedLoop:
    """Connections, each with one running request at all times."""

    def __init__(self, address: Address, make_request: MakeRequest, connections: int) -> None:
        self._make_request = make_request
        self._selector = selectors.DefaultSelector()
        self._idle = [Connection(address) for _ in range(connections)]
        self._all = tuple(self._idle)
        self._since: dict[Connection, float] = {}
        self._answered: set[Connection] = set()
        self._failures = 0
        self._window = Window()

    def run_for(self, seconds: float, warm_s: float) -> Sample:
        """Measure for `seconds`, once the load is steady, then close.

        It is steady after `warm_s` and one answer on each connection, because the first requests
        find an empty queue. Requests that run at the end are awaited and do not count.
        """
        window = self._window
        warm = time.perf_counter() + warm_s
        while not window.ended:
            self._begin_idle()
            self._turn()
            now = time.perf_counter()
            if not window.started and now >= warm and len(self._answered) == len(self._all):
                window.open(now)
            elif window.started and now >= window.started + seconds:
                window.close(now)
        self._finish()
        self.close()
        return window.sample()

    def run_count(self, requests: int) -> Sample:
        """Send exactly `count` requests, all of which count, then close."""
        sample = self.run_part(requests)
        self.close()
        return sample

    def run_part(self, requests: int) -> Sample:
        """Like `run_count`, but stay connected."""
        self._window = Window()
        self._window.open(time.perf_counter())
        left = requests
        while left:
            left -= self._begin_idle(left)
            self._turn()
        self._finish()
        self._window.close(time.perf_counter())
        return self._window.sample()

    def close(self) -> None:
        for connection in self._all:
            connection.close()
        self._selector.close()

    def _finish(self) -> None:
        while self._since:
            self._turn()

    def _begin_idle(self, most: int | None = None) -> int:
        """Send requests on idle connections. Returns their number."""
        beginning = self._idle[:most]
        del self._idle[: len(beginning)]
        for connection in beginning:
            self._since[connection] = time.perf_counter()
            try:
                connection.begin(self._make_request())
                self._selector.register(connection, self._events(connection))
            except OSError as error:
                self._end(connection, type(error).__name__)
        return len(beginning)

    def _turn(self) -> None:
        """Wait for events and handle them."""
        for key, events in self._selector.select(LOOK_UP_S if self._since else 0):
            connection = key.fileobj
            assert isinstance(connection, Connection)
            try:
                status = self._advance(connection, events)
            except (Closed, OSError) as error:
                self._end(connection, type(error).__name__, key.fd)
            else:
                if status:
                    self._end(connection, "" if status == OK else f"status {status}", key.fd)
        self._give_up_late()

    def _advance(self, connection: Connection, events: int) -> int:
        if events & selectors.EVENT_WRITE and connection.is_sending:
            connection.send()
            self._selector.modify(connection, self._events(connection))
        return connection.receive() if events & selectors.EVENT_READ else 0

    @staticmethod
    def _events(connection: Connection) -> int:
        writing = selectors.EVENT_WRITE if connection.is_sending else 0
        return selectors.EVENT_READ | writing

    def _end(self, connection: Connection, error: str, fd: int = -1) -> None:
        if fd >= 0:
            self._selector.unregister(fd)
        now = time.perf_counter()
        seconds = now - self._since.pop(connection)
        self._idle.append(connection)
        if error:
            connection.close()
            self._failures += 1
            if self._failures > MOST_FAILURES:
                raise NothingWorks(f"{error}: {connection.body[:500].decode(errors='replace')}")
        else:
            self._failures = 0
            self._answered.add(connection)
        if self._window.is_open:
            self._window.count(now, seconds, error)

    def _give_up_late(self) -> None:
        oldest = next(iter(self._since.items()), None)
        if oldest and time.perf_counter() - oldest[1] > PATIENCE_S:
            raise NothingWorks(f"no answer within {PATIENCE_S:.0f} s")
