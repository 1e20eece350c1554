"""Connections to Redis: the API fails fast, a worker is patient.

A retry uses a new connection: after a failover, when the old server still runs but refuses writes,
the address leads to the new one.
"""

import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import ConstantBackoff, ExponentialBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

FAIL_FAST_TIMEOUT_S = 0.8
PATIENT_TIMEOUT_S = 3.0
PATIENT_TRIES = 120
PATIENT_PAUSE_S = 0.5
MAX_IDLE_S = 15.0
"""A pooled connection that is idle for longer is replaced: firewalls forget idle connections."""

# A peer that is gone is noticed within about 10 s, also while a command is being sent to it.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}
KEEPALIVE_OPTIONS: dict[int, int] = {
    getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)
}
"""Options of TCP sockets that this platform has."""


class SilentConnection(RedisTimeoutError):
    """A pooled connection did not answer in time. A new one may: the command is tried again."""


class PooledConnection(AbstractConnection):
    """A connection that is replaced when a firewall may have dropped it without notice.

    redis-py checks a connection for unread data when it takes it from the pool: one system call per
    command, which releases the GIL and has to wait for it again. Here this check replaces a
    connection that was idle for long, or since before another one of the pool fell silent. One that
    was closed meanwhile fails on use and is retried; one with an unread answer never returns to the
    pool.
    """

    fell_silent_at = -math.inf  # each client has its own class
    _has_answered = _is_reused = False
    _answered_at = -math.inf

    def can_read(self, timeout: float = 0) -> bool:
        if timeout > 0:
            return super().can_read(timeout)
        if self._has_answered and self._is_suspect():
            raise RedisConnectionError("the connection may be dead")  # the pool replaces it
        self._is_reused = self._has_answered
        return False

    def connect_check_health(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        is_new = not self.is_connected
        super().connect_check_health(*args, **options)
        if is_new:
            self._has_answered = False  # no command but the handshake

    def send_packed_command(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        with self._noticing_silence():
            super().send_packed_command(*args, **options)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        with self._noticing_silence():
            response = super().read_response(*args, **options)
        self._answered_at = time.monotonic()
        self._has_answered = True
        return response

    def disconnect(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().disconnect(*args, **options)  # type: ignore[no-untyped-call]
        self._has_answered = self._is_reused = False

    def _is_suspect(self) -> bool:
        since = max(self.fell_silent_at, time.monotonic() - MAX_IDLE_S)
        return self._answered_at < since

    @contextmanager
    def _noticing_silence(self) -> Iterator[None]:
        """If a new connection does not answer, the fault is not the connection's."""
        is_reused = self._is_reused  # an error disconnects it
        try:
            yield
        except RedisTimeoutError as error:
            if not is_reused:
                raise
            type(self).fell_silent_at = time.monotonic()
            raise SilentConnection(str(error)) from error


def fail_fast(url: str, max_connections: int) -> Redis:
    """A client for request threads: one quick retry, so that an outage shows within 2 seconds.

    A command that is tried again may run twice. That is harmless: the scripts are idempotent,
    except that a rate limit may count one too many, and a claimed webhook may wait for its lease.
    """
    return _client(
        url,
        max_connections=max_connections,
        socket_timeout=FAIL_FAST_TIMEOUT_S,
        socket_connect_timeout=FAIL_FAST_TIMEOUT_S,
        retry=Retry(
            ConstantBackoff(0.05),
            1,
            supported_errors=(RedisConnectionError, ReadOnlyError, SilentConnection),
        ),
    )


def patient(url: str, max_connections: int) -> Redis:
    """A client for workers: a finished result is worth waiting until Redis is back."""
    return _client(
        url,
        max_connections=max_connections,
        socket_timeout=PATIENT_TIMEOUT_S,
        socket_connect_timeout=PATIENT_TIMEOUT_S,
        retry=Retry(
            ExponentialBackoff(cap=PATIENT_PAUSE_S, base=0.05),
            PATIENT_TRIES,
            supported_errors=(RedisConnectionError, RedisTimeoutError, ReadOnlyError),
        ),
    )


def _client(url: str, **options: Any) -> Redis:  # noqa: ANN401
    pool = ConnectionPool.from_url(url, **options, **_keepalive(url))
    kind = pool.connection_class  # depends on the URL's scheme
    pool.connection_class = type(f"Pooled{kind.__name__}", (PooledConnection, kind), {})
    return Redis.from_pool(pool)


def _keepalive(url: str) -> dict[str, Any]:
    """Unix sockets have no keep-alive, and redis-py refuses the option for them."""
    if url.startswith("unix:"):
        return {}
    return {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE_OPTIONS}
