"""Pooled connections that a firewall dropped without notice to either side."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.redis import connection
from common.redis.connection import SilentConnection
from tests.loopback import hanging_port
from tests.silent_proxy import SilentProxy

POOLED = 4


@pytest.fixture
def proxy(redis_url: str) -> Iterator[SilentProxy]:
    with SilentProxy(redis_url).running() as proxy:
        yield proxy


@pytest.fixture
def client(proxy: SilentProxy) -> Iterator[Redis]:
    with connection.fail_fast(proxy.url, max_connections=POOLED) as client:
        yield client


def fill_pool(client: Redis) -> None:
    """Use all connections at the same time, and return them."""
    pool: Any = client.connection_pool
    taken = [pool.get_connection() for _ in range(POOLED)]
    for one in taken:
        one.send_command("PING")
        assert one.read_response()
        pool.release(one)


def test_a_command_on_a_silent_connection_is_tried_again(client: Redis, proxy: SilentProxy) -> None:
    fill_pool(client)
    assert proxy.silence(b"PING") == POOLED
    assert client.set("a", 1)
    with client.pipeline() as pipeline:
        pipeline.get("a")
        pipeline.get("b")
        assert pipeline.execute() == [b"1", None]


def test_a_connection_that_a_command_reopened_is_watched_too(
    redis_url: str, client: Redis, proxy: SilentProxy
) -> None:
    with Redis.from_url(redis_url) as other, connection.fail_fast(proxy.url, 1) as one:
        one.ping()
        other.client_kill_filter(skipme=True)
        one.ping()
        assert proxy.silence(b"PING")
        assert one.ping()


def test_a_large_upload_on_a_silent_connection_is_tried_again(
    client: Redis, proxy: SilentProxy
) -> None:
    fill_pool(client)
    assert proxy.silence(b"PING", reads=False) == POOLED
    content = bytes(10_000_000)
    assert client.set("a", content)
    assert client.strlen("a") == len(content)


def test_one_silent_connection_replaces_the_others_before_they_are_used(
    client: Redis, proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_pool(client)
    proxy.silence(b"PING")
    assert client.get("a") is None
    monkeypatch.setattr(connection.SilentConnection, "__init__", pytest.fail)
    fill_pool(client)


def test_a_connection_that_was_idle_for_long_is_replaced(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.client_id()
    assert client.client_id() == first
    monkeypatch.setattr(connection, "MAX_IDLE_S", 0)
    assert client.client_id() != first


def test_a_server_that_does_not_answer_a_new_connection_is_not_asked_again() -> None:
    with hanging_port() as port:
        url = f"redis://127.0.0.1:{port}/0"
        with (
            connection.fail_fast(url, max_connections=1) as client,
            pytest.raises(RedisTimeoutError) as raised,
        ):
            client.ping()
    assert not isinstance(raised.value, SilentConnection)


def test_keep_alive_finds_a_dead_peer_in_seconds(client: Redis) -> None:
    one: Any = client.connection_pool.get_connection()
    idle_s, every_s, probes = (
        one._sock.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert one._sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert idle_s + every_s * probes <= 15
    client.connection_pool.release(one)
