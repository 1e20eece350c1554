"""Open jobs survive changes of Redis' clock, and long outages of all processes."""

import pytest
from redis import Redis

from common.fleet.heartbeats import Heartbeats
from common.ledger.jobs import Ledger
from common.ledger.reads import blob_key, job_key, part_key
from common.ledger.records import Callback
from common.protocol.messages import Priority
from common.redis.keys import KEYS
from common.webhooks.outbox import Attempt, Deliveries
from tests.common.ledger.test_jobs import DIGEST, IMAGE, TEXT, beat, create, new_job, result
from tests.common.ledger.test_repair import LOST, QUEUE, soon
from tests.redis_clock import set_clock

HOURS_S = 7200.0
AHEAD_AND_BACK = pytest.mark.parametrize("ahead_s", [HOURS_S, -HOURS_S])


def pass_time(redis: Redis, seconds: float) -> None:
    """As if so much time had passed, with repair as always."""
    redis.hincrbyfloat("clip:clock", "ledger", seconds)


@AHEAD_AND_BACK
def test_open_jobs_are_done_all_the_same(ledger: Ledger, redis: Redis, ahead_s: float) -> None:
    create(ledger, new_job())
    ledger.finish("j", 1, [TEXT], result(1))
    ledger.repair()
    set_clock(redis, ahead_s)
    ledger.repair()
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert begun.blobs == {DIGEST: b"image"}
    assert 50 < begun.left_s <= 60
    assert begun.waited_s >= 0
    assert ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    record, results = ledger.read_whole("j", 2)
    assert record is not None
    assert record.state == "done"
    assert None not in results


@AHEAD_AND_BACK
def test_a_part_is_begun_before_the_next_repair(
    ledger: Ledger, redis: Redis, ahead_s: float
) -> None:
    create(ledger, new_job())
    ledger.repair()
    set_clock(redis, ahead_s)
    assert ledger.begin("j", 0, "w") is not None


@AHEAD_AND_BACK
def test_jobs_expire_as_late_as_before(ledger: Ledger, redis: Redis, ahead_s: float) -> None:
    create(ledger, new_job())
    ledger.repair()
    set_clock(redis, ahead_s)
    for state in ("queued", "expired"):
        pass_time(redis, 35)
        soon(redis)
        ledger.repair()
        record = ledger.read("j")
        assert record is not None
        assert record.state == state


@AHEAD_AND_BACK
def test_repair_goes_on(ledger: Ledger, redis: Redis, ahead_s: float) -> None:
    create(ledger, new_job(parts=[[TEXT]]))
    ledger.begin("j", 0, "dead")
    assert ledger.repair() == [LOST]
    ledger.begin("j", 0, "dead")
    set_clock(redis, ahead_s)
    assert ledger.repair() == [LOST]


@AHEAD_AND_BACK
def test_parts_sent_afterwards_wait_their_turn(
    ledger: Ledger, redis: Redis, ahead_s: float
) -> None:
    create(ledger, new_job("earlier"))
    ledger.begin("earlier", 0, "w")
    ledger.repair()
    ledger.forget("earlier")
    set_clock(redis, ahead_s)
    create(ledger, new_job(parts=[[TEXT]]))
    redis.lpush(KEYS(QUEUE), "its message")
    for _ in range(3):
        pass_time(redis, 3)
        soon(redis)
        assert ledger.repair() == []
        assert not redis.hexists(job_key("j"), "missing:0")


@AHEAD_AND_BACK
def test_a_worker_that_died_is_dead(ledger: Ledger, redis: Redis, ahead_s: float) -> None:
    ledger.repair()
    beat(redis, "dead")
    set_clock(redis, ahead_s)
    pass_time(redis, 6)
    assert Heartbeats(redis, 5).alive() == []
    wanted = new_job(priority=Priority.INTERACTIVE)
    assert create(ledger, wanted).outcome == "no_worker"


@AHEAD_AND_BACK
def test_webhooks_are_tried_again_as_soon_as_before(
    ledger: Ledger, redis: Redis, ahead_s: float
) -> None:
    deliveries = Deliveries(redis)
    create(ledger, new_job(callback=Callback("https://example.org", total=3)))
    ledger.stop("j", "cancelled", "")
    ledger.repair()
    claim = deliveries.claim(60)
    assert claim is not None
    deliveries.record_attempt(claim, Attempt("pending", 500, pause_s=30))
    set_clock(redis, ahead_s)
    assert deliveries.claim(60) is None
    pass_time(redis, 31)
    assert deliveries.claim(60) is not None


def test_nothing_that_an_open_job_needs_expires(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    ledger.finish("j", 1, [TEXT], result(1))
    keys = [job_key("j"), part_key("j", 1), blob_key("j", DIGEST)]
    assert {redis.ttl(key) for key in keys} == {-1}
    ledger.stop("j", "cancelled", "")
    assert [redis.ttl(key) > 0 for key in keys] == [True, True, False]
    assert not redis.exists(blob_key("j", DIGEST))
