"""Whatever stands in Redis, a caller gets an answer that says what is wrong."""

from collections.abc import Callable

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.jobs import Ledger, job_key, part_key
from common.protocol import INTERACTIVE, Item, ModelInfo, PartAbout, PartResult
from common.records import NewJob
from tests.conftest import ClientMaker

ITEMS = [Item("text", "a", queries=1, required=True), Item("text", "b", queries=1, required=True)]
REQUEST = {"lists": {"": [0, 1]}, "kinds": "tt", "sizes": [2]}


@pytest.fixture
def client(make_api: ClientMaker, redis_url: str, ledger: Ledger) -> FlaskClient:
    """An API whose only job is done."""
    job = NewJob("j", "encode", INTERACTIVE, [ITEMS], REQUEST, "r", 60, 60, listed=True)
    ledger.create(job, {}, max_open_items=10, worker_ttl_s=0)
    about = PartAbout(ModelInfo("m", "r", 2, 1.0))
    ledger.finish("j", 0, ITEMS, PartResult(np.ones((2, 2), dtype=np.float32), about))
    client: FlaskClient = make_api(redis_url=redis_url)
    assert client.get("/jobs/j").get_json()["result"] == [[1, 1], [1, 1]]
    return client


def request(**changes: object) -> Callable[[Redis], object]:
    raw = orjson.dumps({**REQUEST, **changes})
    return lambda redis: redis.hset(job_key("j"), "request", raw)


def field(name: str, value: bytes | str) -> Callable[[Redis], object]:
    return lambda redis: redis.hset(job_key("j"), name, value)


def part(name: str, value: bytes | str) -> Callable[[Redis], object]:
    return lambda redis: redis.hset(part_key("j", 0), name, value)


RECORDS: dict[str, Callable[[Redis], object]] = {
    "request without JSON": field("request", b"\xff"),
    "request of another shape": field("request", "[]"),
    "deep request": field("request", "[" * 100_000),
    "no lists": request(lists=None),
    "other lists": request(lists={"/queries": [0]}),
    "an item that is none": request(lists={"": [2]}),
    "an item below zero": request(lists={"": [-1]}),
    "other kinds": request(kinds="xx"),
    "too few kinds": request(kinds="t"),
    "other scoring": request(scoring={"temperature": 0}),
    "scoring of another shape": request(scoring=[]),
    "other sizes": request(sizes=[1, 1]),
    "huge sizes": request(sizes=[10**18]),
    "other kind": field("kind", "rm -rf"),
    "other parts": field("parts", "1000000"),
    "other state": field("state", "stolen"),
    "time without end": field("created", "inf"),
    "time before all times": field("finished", "-1e300"),
}
RESULTS: dict[str, Callable[[Redis], object]] = {
    "about without JSON": part("about", b"\xff"),
    "deep about": part("about", "[" * 100_000),
    "about of another shape": part("about", "{}"),
    "too few embeddings": part("vectors", b"\0" * 8),
    "half an embedding": part("vectors", b"\0" * 15),
    "no embeddings": lambda redis: redis.hdel(part_key("j", 0), "vectors"),
    "no result": lambda redis: redis.delete(part_key("j", 0)),
}


@pytest.mark.parametrize("name", [*RECORDS, *RESULTS])
def test_a_broken_job_is_told_to_be_lost(client: FlaskClient, redis: Redis, name: str) -> None:
    tamper = {**RECORDS, **RESULTS}[name]
    tamper(redis)
    answer = client.get("/jobs/j")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "job_lost")


@pytest.mark.parametrize("name", RECORDS)
def test_a_broken_job_does_not_break_the_list(client: FlaskClient, redis: Redis, name: str) -> None:
    RECORDS[name](redis)
    redis.zadd("clip:jobs", {b"\xff": 1, b"gone": 2})
    answer = client.get("/jobs")
    assert (answer.status_code, answer.get_json()["jobs"]) == (200, [])


def test_a_broken_heartbeat_does_not_break_the_list_of_workers(
    client: FlaskClient, redis: Redis
) -> None:
    redis.zadd("clip:workers", {"w": 1e12})
    redis.set("clip:worker:w", '{"name": "w"}')
    assert client.get("/workers").get_json() == {"workers": []}
    assert client.get("/readyz").status_code == 503
