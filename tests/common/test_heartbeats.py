from dataclasses import asdict, replace

import orjson
import pytest
from redis import Redis

from common.heartbeats import Heartbeat, Heartbeats
from common.protocol import ModelInfo, ModelTraits
from tests.processes import wait_until

BEAT = Heartbeat("w1", ModelInfo("m", "r", 3, 99.5), "cpu", "float32", 4, 2, 1.5)

TRAITS = {"family": "CLIP", "context_length": 77, "resolution": [224, 224]}


def test_what_a_worker_says_of_its_model_is_heard(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    said = replace(BEAT, lane="org/m", traits=ModelTraits("CLIP", 77, (224, 336)))
    beats.beat(said)
    assert beats.alive() == [said]


def test_a_worker_of_an_earlier_version_is_understood(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    said = asdict(BEAT)
    del said["lane"], said["traits"]
    redis.set("clip:worker:w1", orjson.dumps(said))
    assert beats.alive() == [BEAT]


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
        orjson.dumps({**asdict(BEAT), "lane": "a b"}),
        orjson.dumps({**asdict(BEAT), "lane": None}),
        orjson.dumps({**asdict(BEAT), "traits": {"family": "CLIP"}}),
        orjson.dumps({**asdict(BEAT), "traits": {**TRAITS, "resolution": [224]}}),
    ],
)
def test_a_heartbeat_of_another_shape_counts_for_nothing(redis: Redis, raw: bytes) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    redis.zadd("clip:workers", {b"\xff": 1e12})
    redis.set(b"clip:worker:\xff", raw)
    assert beats.alive() == [BEAT]
