"""Bulk jobs are in their owner's list."""

from redis import Redis

from common.ledger.jobs import Ledger
from common.ledger.reads import job_key, jobs_key
from common.protocol.messages import Priority
from tests.common.ledger.test_jobs import beat, create, new_job


def listed(ledger: Ledger, owner: str = "") -> list[str]:
    return [job for job, _ in ledger.listed(owner, float("inf"), 9)]


def test_bulk_jobs_are_listed_newest_first(ledger: Ledger, redis: Redis) -> None:
    for name in ("a", "b", "c"):
        create(ledger, new_job(name))
    beat(redis, "w")
    assert create(ledger, new_job("d", priority=Priority.INTERACTIVE)).outcome == "created"
    found = ledger.listed("", float("inf"), 2)
    assert [job for job, _ in found] == ["c", "b"]
    assert [job for job, _ in ledger.listed("", found[-1][1], 2)] == ["a"]


def test_every_owner_has_a_list_of_its_own(ledger: Ledger) -> None:
    for owner, job in (("me", "mine"), ("you", "yours"), ("", "without a key")):
        create(ledger, new_job(job, owner=owner))
    for owner, job in (("me", "mine"), ("you", "yours"), ("", "without a key")):
        assert listed(ledger, owner) == [job]
        record = ledger.read(job)
        assert record is not None
        assert record.owner == owner


def test_a_kept_job_enters_its_owners_list(ledger: Ledger, redis: Redis) -> None:
    beat(redis, "w")
    create(ledger, new_job(owner="me", priority=Priority.INTERACTIVE))
    assert listed(ledger, "me") == []
    ledger.keep("j", 500)
    assert listed(ledger, "me") == ["j"]
    assert redis.ttl(jobs_key("me")) > 500


def test_jobs_that_are_gone_leave_the_list_as_others_enter_it(ledger: Ledger, redis: Redis) -> None:
    for number in range(30):
        create(ledger, new_job(str(number)))
        redis.delete(job_key(str(number)))
    assert redis.zcard(jobs_key("")) <= 1


def test_a_list_lives_as_long_as_any_job_in_it(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job("long", lifetime_s=1000, ttl_s=500))
    create(ledger, new_job("short", lifetime_s=1, ttl_s=1))
    assert 1490 < redis.ttl(jobs_key("")) <= 1500
