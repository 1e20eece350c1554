"""A Redis at its maxmemory: new jobs are refused, and open ones are finished."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from common.fleet.heartbeats import Heartbeats
from common.ledger.jobs import Ledger
from common.ledger.records import Admission
from tests.common.ledger.test_jobs import beat, create, new_job, result

Limit = Callable[[int], None]


@pytest.fixture
def leave(redis: Redis) -> Iterator[Limit]:
    """Leave Redis so many bytes more than it uses, or fewer."""

    def leave(free_bytes: int) -> None:
        used = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", max(1, used + free_bytes))

    yield leave
    redis.config_set("maxmemory", 0)


def test_a_full_redis_refuses_jobs(ledger: Ledger, redis: Redis, leave: Limit) -> None:
    leave(-1_000_000)
    assert create(ledger, new_job()) == Admission("full", excess=3)
    assert redis.keys() == []


def test_images_of_which_some_found_room_leave_again(
    ledger: Ledger, redis: Redis, leave: Limit
) -> None:
    leave(1_000_000)
    images = {f"{n:064}": bytes(300_000) for n in range(6)}
    assert redis.set("probe", bytes(300_000))
    redis.flushall()
    admission = ledger.create(new_job(), images, max_open_items=100, worker_ttl_s=0)
    assert admission.outcome == "full"
    assert redis.keys() == []


def test_accepted_work_is_done_although_redis_is_full(
    ledger: Ledger, redis: Redis, leave: Limit
) -> None:
    create(ledger, new_job(parts=new_job().parts[:1]))
    leave(-1_000_000)
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert ledger.finish("j", 0, begun.items, result(2))
    record = ledger.read("j")
    assert record is not None
    assert record.state == "done"
    assert not redis.keys("clip:blob:*")


def test_workers_beat_and_what_a_dead_one_had_is_sent_again(
    ledger: Ledger, redis: Redis, leave: Limit
) -> None:
    create(ledger, new_job())
    leave(-1_000_000)
    ledger.begin("j", 0, "a worker that does not beat")
    beat(redis, "w")
    assert [worker.name for worker in Heartbeats(redis, 5).alive()] == ["w"]
    assert [(part.job, part.part) for part in ledger.repair()] == [("j", 0)]


def test_a_job_can_be_cancelled_and_forgotten(ledger: Ledger, redis: Redis, leave: Limit) -> None:
    create(ledger, new_job())
    leave(-1_000_000)
    assert ledger.stop("j", "cancelled", "")
    assert ledger.forget("j")
    assert not redis.keys("clip:*j*")
