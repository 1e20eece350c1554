from dataclasses import asdict, replace

import orjson
import pytest
from redis import Redis

from common.heartbeats import Heartbeat, Heartbeats
from common.protocol import ModelInfo
from tests.processes import wait_until

BEAT = Heartbeat("w1", ModelInfo("m", "r", 3, 99.5), "cpu", "float32", 4, 2, 1.5)


def test_a_beating_worker_is_alive(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    beats.beat(replace(BEAT, name="w2"))
    assert sorted(beats.alive(), key=lambda beat: beat.name) == [BEAT, replace(BEAT, name="w2")]


def test_a_silent_worker_is_dead(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=0.1)
    beats.beat(BEAT)
    wait_until(lambda: not beats.alive(), "the heartbeat runs out")


def test_a_worker_that_says_goodbye_is_gone_at_once(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    beats.leave("w1")
    assert beats.alive() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        orjson.dumps({**asdict(BEAT), "since": 1e300}),
        orjson.dumps({**asdict(BEAT), "since": "now"}),
        orjson.dumps({**asdict(BEAT), "model": "m"}),
        orjson.dumps({**asdict(BEAT), "name": [1]}),
    ],
)
def test_a_heartbeat_of_another_shape_counts_for_nothing(redis: Redis, raw: bytes) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    redis.zadd("clip:workers", {b"\xff": 1e12})
    redis.set(b"clip:worker:\xff", raw)
    assert beats.alive() == [BEAT]
