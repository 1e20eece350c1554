"""Repair: which parts are sent again, and which are not."""

from redis import Redis

from common.ledger.jobs import BEAT_AFTER_S, REPAIR_EVERY_S, REPAIR_GRACE_S, REPAIR_PARTS, Ledger
from common.ledger.reads import job_key
from common.ledger.records import PartMessage
from common.redis.keys import KEYS
from tests.common.ledger.test_jobs import TEXT, beat, create, new_job

QUEUE = "bulk"
LOST = PartMessage("j", 0, QUEUE, "r1")


def open_part(ledger: Ledger, job: str = "j") -> None:
    """A part that the ledger holds; its message is in no queue."""
    create(ledger, new_job(job, parts=[[TEXT]]))


def soon(redis: Redis) -> None:
    """As if it were time for the next repair."""
    if redis.exists("clip:clock"):
        redis.hincrbyfloat("clip:clock", "redis", -REPAIR_EVERY_S)


def later(redis: Redis) -> None:
    """As if the grace had gone by since the last repair."""
    soon(redis)
    for name in ("sent:0", "missing:0"):
        redis.hincrbyfloat(job_key("j"), name, -REPAIR_GRACE_S - 1)


def test_a_part_whose_worker_died_is_sent_again(ledger: Ledger) -> None:
    open_part(ledger)
    ledger.begin("j", 0, "dead")
    assert ledger.repair() == [LOST]


def test_a_part_whose_worker_lives_is_left_alone(ledger: Ledger, redis: Redis) -> None:
    open_part(ledger)
    beat(redis, "alive")
    ledger.begin("j", 0, "alive")
    assert ledger.repair() == []


def test_a_part_that_its_live_worker_released_is_sent_again(ledger: Ledger, redis: Redis) -> None:
    open_part(ledger)
    ledger.begin("j", 0, "alive")
    beat(redis, "alive", parts=("j:0",))
    redis.hincrbyfloat(job_key("j"), "begun:0", -BEAT_AFTER_S - 1)
    assert ledger.repair() == [], "it runs"
    soon(redis)
    beat(redis, "alive", parts=("j:1",))
    assert ledger.repair() == [LOST]


def test_a_part_that_was_released_is_sent_again_and_was_no_try(
    ledger: Ledger, redis: Redis
) -> None:
    open_part(ledger)
    beat(redis, "alive")
    ledger.begin("j", 0, "alive")
    ledger.release("j", 0, "another")
    assert ledger.repair() == [], "it runs"
    soon(redis)
    ledger.release("j", 0, "alive")
    assert ledger.repair() == [], "in a while"
    later(redis)
    redis.hset(job_key("j"), "missing:0", redis.hget(job_key("j"), "sent:0") or b"")
    assert ledger.repair() == [LOST]
    begun = ledger.begin("j", 0, "alive")
    assert begun is not None
    assert begun.tries == 0


def test_what_ended_is_not_released(ledger: Ledger, redis: Redis) -> None:
    open_part(ledger)
    ledger.begin("j", 0, "w")
    ledger.stop("j", "cancelled", "")
    before = redis.hgetall(job_key("j"))
    ledger.release("j", 0, "w")
    ledger.release("gone", 0, "w")
    assert redis.hgetall(job_key("j")) == before
    assert not redis.exists(job_key("gone"))


def test_a_heartbeat_from_before_a_part_was_begun_says_nothing_of_it(
    ledger: Ledger, redis: Redis
) -> None:
    open_part(ledger)
    beat(redis, "alive")
    ledger.begin("j", 0, "alive")
    assert ledger.repair() == []


def test_a_message_that_is_in_no_queue_is_sent_again_after_a_while(
    ledger: Ledger, redis: Redis
) -> None:
    open_part(ledger)
    for _ in range(2):  # one that was sent again is given as long as before
        soon(redis)
        assert ledger.repair() == []
        later(redis)
        assert ledger.repair() == [LOST]


def test_a_part_that_waited_long_and_was_taken_just_now_is_left_alone(
    ledger: Ledger, redis: Redis
) -> None:
    open_part(ledger)
    redis.hincrbyfloat(job_key("j"), "sent:0", -60)
    assert ledger.repair() == []


def test_a_part_that_waits_its_turn_is_left_alone(ledger: Ledger, redis: Redis) -> None:
    open_part(ledger)
    redis.lpush(KEYS(QUEUE), "its message")
    for _ in range(2):
        later(redis)
        assert ledger.repair() == []


def test_a_part_overtaken_by_later_ones_is_sent_again(ledger: Ledger, redis: Redis) -> None:
    open_part(ledger)
    redis.lpush(KEYS(QUEUE), "of another part")
    redis.hincrbyfloat(job_key("j"), "sent:0", -3)
    open_part(ledger, "later")
    beat(redis, "alive")
    ledger.begin("later", 0, "alive")
    assert ledger.repair() == []
    later(redis)
    assert ledger.repair() == [LOST]


def test_one_caller_at_a_time_repairs(ledger: Ledger) -> None:
    open_part(ledger)
    ledger.begin("j", 0, "dead")
    assert ledger.repair() == [LOST]
    ledger.begin("j", 0, "dead")
    assert ledger.repair() == []


def test_late_jobs_expire(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    redis.hset(job_key("j"), "deadline", 1)
    assert ledger.repair() == []
    record = ledger.read("j")
    assert record is not None
    assert record.state == "expired"


def test_parts_of_vanished_jobs_are_open_no_more(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    redis.delete(job_key("j"))
    ledger.repair()
    assert redis.zcard("clip:open") == 0
    assert redis.get("clip:open-items") == b"0"


def test_every_open_part_has_its_turn(ledger: Ledger, redis: Redis) -> None:
    """However many older ones wait, for a model without workers say."""
    backlog = new_job("backlog", parts=[[TEXT]] * (2 * REPAIR_PARTS))
    assert create(ledger, backlog, max_open_items=10_000).outcome == "created"
    redis.lpush(KEYS(QUEUE), "the messages of the backlog")
    create(ledger, new_job(parts=[[TEXT]]), max_open_items=10_000)
    ledger.begin("j", 0, "dead")
    found = []
    for _ in range(3):
        soon(redis)
        found += ledger.repair()
    assert found == [LOST]
