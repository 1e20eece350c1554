"""A job of a later format is left to those who know it: neither lost, nor failed, nor counted."""

import secrets
from pathlib import Path

import pytest
from redis import Redis

from common.errors import LaterRelease
from common.jobs import Ledger, job_key
from common.protocol import BULK, FORMAT, Item, Later
from common.records import NewJob
from tests.conftest import ClientMaker
from tests.processes import start, wait_until

TEXT = Item("text", "a cat", queries=1, required=True)
REQUEST = {"lists": {"": [0]}, "kinds": "t", "sizes": [1]}


def create(redis: Redis, written_in: int = FORMAT + 1) -> str:
    """A job of one part, of another format, listed and sent."""
    job = secrets.token_hex(16)
    new = NewJob(job, "encode", BULK, [[TEXT]], REQUEST, "r", 60, 60, listed=True)
    Ledger(redis).create(new, {}, max_open_items=1000, worker_ttl_s=0)
    redis.hset(job_key(job), "format", written_in)
    return job


def test_a_part_of_a_later_format_stays_as_it_is(redis: Redis, ledger: Ledger) -> None:
    job = create(redis)
    before = redis.hgetall(job_key(job))
    with pytest.raises(Later):
        ledger.begin(job, 0, "w")
    assert redis.hgetall(job_key(job)) == before


@pytest.mark.parametrize("written_in", [0, FORMAT])
def test_a_part_of_a_known_format_is_begun(redis: Redis, ledger: Ledger, written_in: int) -> None:
    assert ledger.begin(create(redis, written_in), 0, "w")


def test_a_part_of_no_format_is_of_the_first(redis: Redis, ledger: Ledger) -> None:
    job = create(redis)
    redis.hdel(job_key(job), "format")
    assert ledger.begin(job, 0, "w")
    assert ledger.read(job)


def test_a_job_of_a_later_format_is_told_by_those_who_know_it(
    redis_url: str, redis: Redis, ledger: Ledger, make_api: ClientMaker
) -> None:
    job = create(redis)
    with pytest.raises(LaterRelease):
        ledger.read(job)
    client = make_api(redis_url=redis_url)
    answer = client.get(f"/jobs/{job}")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "later_release")
    assert "Retry-After" in answer.headers
    assert client.get("/jobs").get_json()["jobs"] == []


def test_a_worker_of_the_later_release_does_what_this_one_gave_back(
    redis_url: str, redis: Redis, ledger: Ledger, folder: Path
) -> None:
    settings = {"redis_url": redis_url}
    worker = start(["-m", "tests.faults.worker"], folder, settings)
    job = create(redis)
    wait_until(lambda: worker.log.count("part_left_to_a_later_release") > 1, "sent again", 60)
    assert redis.hmget(job_key(job), "state", "tries:0") == [b"queued", None]
    later = start(["-m", "tests.upgrades.later_worker"], folder, settings)
    try:
        wait_until(lambda: ledger.ended([job])[0], "the later worker does it", 60)
        assert redis.hmget(job_key(job), "state", "tries:0") == [b"done", b"1"]
        known = create(redis, FORMAT)
        wait_until(lambda: ledger.ended([known])[0], "what both know is done")
    finally:
        worker.stop()
        later.stop()
