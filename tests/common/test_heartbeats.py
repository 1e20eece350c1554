from dataclasses import replace

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
