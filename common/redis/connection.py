"""Connections to Redis: the API fails fast, a worker is patient.

A retry uses a new connection: after a failover, when the old server still runs but refuses writes,
the address leads to the new one.
"""

from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import ConstantBackoff, ExponentialBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

FAIL_FAST_TIMEOUT_S = 1.0
PATIENT_TRIES = 120
PATIENT_PAUSE_S = 0.5


class Unpolled(AbstractConnection):
    """A connection that is not polled when it is taken from the pool.

    redis-py checks for unread data first: one system call per command, which releases the GIL and
    has to wait for it again. A connection that was closed meanwhile fails on use and is retried;
    one with an unread answer never returns to the pool.
    """

    def can_read(self, timeout: float = 0) -> bool:
        return timeout > 0 and super().can_read(timeout)


def fail_fast(url: str, max_connections: int) -> Redis:
    """A client for request threads: one quick retry, so that an outage shows within 2 seconds."""
    return _client(
        url,
        max_connections=max_connections,
        socket_timeout=FAIL_FAST_TIMEOUT_S,
        socket_connect_timeout=FAIL_FAST_TIMEOUT_S,
        retry=Retry(
            ConstantBackoff(0.05), 1, supported_errors=(RedisConnectionError, ReadOnlyError)
        ),
    )


def patient(url: str, max_connections: int) -> Redis:
    """A client for workers: a finished result is worth waiting until Redis is back."""
    return _client(
        url,
        max_connections=max_connections,
        socket_timeout=10.0,
        socket_connect_timeout=5.0,
        retry=Retry(
            ExponentialBackoff(cap=PATIENT_PAUSE_S, base=0.05),
            PATIENT_TRIES,
            supported_errors=(RedisConnectionError, RedisTimeoutError, ReadOnlyError),
        ),
    )


def _client(url: str, **options: Any) -> Redis:  # noqa: ANN401
    pool = ConnectionPool.from_url(url, **options, **_keepalive(url))
    kind = pool.connection_class  # depends on the URL's scheme
    pool.connection_class = type(f"Unpolled{kind.__name__}", (Unpolled, kind), {})
    return Redis.from_pool(pool)


def _keepalive(url: str) -> dict[str, Any]:
    """Unix sockets have no keep-alive, and redis-py refuses the option for them."""
    return {} if url.startswith("unix:") else {"socket_keepalive": True}
