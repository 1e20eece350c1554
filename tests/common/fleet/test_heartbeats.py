from dataclasses import replace

import orjson
from redis import Redis
from structlog.testing import capture_logs

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.protocol.messages import ModelInfo, ModelTraits
from tests.processes import wait_until

BEAT = Heartbeat("w1", ModelInfo("m", "r", 3, 99.5), "cpu", "float32", 4, 2, 1.5)


def test_what_a_worker_says_of_its_model_is_read(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    said = replace(BEAT, model_queue="org/m", traits=ModelTraits("CLIP", 77, (224, 336)))
    beats.beat(said)
    assert beats.alive() == [said]


def test_a_beating_worker_is_alive(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    beats.beat(replace(BEAT, name="w2"))
    assert sorted(beats.alive(), key=lambda beat: beat.name) == [BEAT, replace(BEAT, name="w2")]


def test_a_worker_of_an_earlier_release_consumes_both_of_its_queues(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(replace(BEAT, model_queue="two"))
    told = orjson.loads(redis.get("clip:worker:w1") or b"")
    del told["queues"]
    redis.set("clip:worker:w1", orjson.dumps(told))
    [read] = beats.alive()
    assert read.consumed_queues == ("interactive:two", "bulk:two")


def test_a_silent_worker_is_dead(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=0.1)
    beats.beat(BEAT)
    wait_until(lambda: not beats.alive(), "the heartbeat runs out")


def test_a_worker_that_leaves_is_gone_at_once(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    beats.leave("w1")
    assert beats.alive() == []


def test_a_corrupt_heartbeat_is_logged_and_left_out(redis: Redis) -> None:
    beats = Heartbeats(redis, ttl_s=5)
    beats.beat(BEAT)
    beats.beat(replace(BEAT, name="w2"))
    redis.set("clip:worker:w2", '{"name": "w2"}')
    with capture_logs() as logs:
        assert beats.alive() == [BEAT]
    assert [line["event"] for line in logs] == ["corrupt_record"]
