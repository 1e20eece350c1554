"""Connections to Redis: the API fails fast, a worker is patient.

Trying again is on a new connection. So where another server has taken over, and the old one is
still there and takes no writes, the address leads to the new one.
"""

from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff, ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

FAIL_FAST_TIMEOUT_S = 1.0
PATIENT_TRIES = 120
PATIENT_PAUSE_S = 0.5


def fail_fast(url: str, max_connections: int) -> Redis:
    """A client for request threads: one quick retry, so that an outage is told within 2 seconds."""
    return Redis.from_url(
        url,
        max_connections=max_connections,
        socket_timeout=FAIL_FAST_TIMEOUT_S,
        socket_connect_timeout=FAIL_FAST_TIMEOUT_S,
        **_keepalive(url),
        retry=Retry(
            ConstantBackoff(0.05), 1, supported_errors=(RedisConnectionError, ReadOnlyError)
        ),
    )


def patient(url: str, max_connections: int) -> Redis:
    """A client for workers: a finished result is worth waiting for Redis to come back."""
    return Redis.from_url(
        url,
        max_connections=max_connections,
        socket_timeout=10.0,
        socket_connect_timeout=5.0,
        **_keepalive(url),
        retry=Retry(
            ExponentialBackoff(cap=PATIENT_PAUSE_S, base=0.05),
            PATIENT_TRIES,
            supported_errors=(RedisConnectionError, RedisTimeoutError, ReadOnlyError),
        ),
    )


def _keepalive(url: str) -> dict[str, Any]:
    """A Unix socket knows no keep-alive, and redis-py refuses the option there."""
    return {} if url.startswith("unix:") else {"socket_keepalive": True}
