"""From a request to its job: one deadline, no work for a GET, and parts that reach their queue."""

import base64
import time
from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.cache.embeddings import CacheBounds, EmbeddingCache
from common.fleet.heartbeats import Heartbeats
from common.ledger.jobs import Ledger
from common.protocol.messages import PartAbout, PartResult, Priority
from common.redis.keys import KEYS
from tests.api.dispatch.test_cached import BEAT, KNOWN, LABELS, MODEL, SPACE
from tests.conftest import ClientMaker
from tests.processes import wait_until

TIMEOUT_S = 1.0
BY_SET = {"queries": [{"text": "something new"}], "label_set": "pets"}
NEW_SET = {"candidates": [{"text": "something new"}]}


@pytest.fixture
def make(make_api: ClientMaker, redis_url: str) -> ClientMaker:
    return partial(make_api, redis_url=redis_url, sync_timeout_s=TIMEOUT_S, worker_ttl_s=60)


@pytest.fixture
def client(make: ClientMaker, redis: Redis) -> FlaskClient:
    """An API with a label set, and a worker that sends heartbeats but takes no parts."""
    Heartbeats(redis, 60).beat(BEAT)
    EmbeddingCache(redis, CacheBounds(100, 60)).store(SPACE, KNOWN)
    client = make()
    assert client.put("/label-sets/pets", json={"candidates": LABELS}).status_code == 201
    delete(redis, "clip:emb:*")
    return client


def delete(redis: Redis, pattern: str) -> None:
    assert redis.delete(*redis.scan_iter(pattern))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/rank", BY_SET), ("PUT", "/label-sets/other", NEW_SET)],
)
def test_a_request_waits_once_however_much_must_be_encoded(
    client: FlaskClient, redis: Redis, method: str, path: str, body: Any
) -> None:
    delete(redis, "clip:label-vectors:*")
    started = time.monotonic()
    answer = client.open(path, method=method, json=body)
    assert TIMEOUT_S <= time.monotonic() - started < TIMEOUT_S + 1
    assert (answer.status_code, answer.get_json()["code"]) == (504, "deadline_exceeded")
    assert redis.llen(KEYS(Priority.INTERACTIVE)) == 1
    [job] = client.get("/jobs").get_json()["jobs"]
    assert job["links"]["self"] == answer.headers["Location"], "it goes on, and is listed"


def test_a_get_starts_no_work(client: FlaskClient, make: ClientMaker, redis: Redis) -> None:
    location = client.post("/rank?wait=0", json=BY_SET).headers["Location"]
    finish(Ledger(redis), location.rpartition("/")[2])
    assert len(client.get(location).get_json()["result"]["probabilities"][0]) == len(LABELS)
    delete(redis, "clip:label-vectors:*")
    other = make()  # this one has not read them yet
    before = set(redis.scan_iter("clip:job:*")), redis.llen(KEYS(Priority.INTERACTIVE))
    answer = other.get(f"{location}?wait=1")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "model_changed")
    assert (set(redis.scan_iter("clip:job:*")), redis.llen(KEYS(Priority.INTERACTIVE))) == before


def finish(ledger: Ledger, job: str) -> None:
    """Run the single part of a job, as a worker does."""
    begun = ledger.begin(job, 0, BEAT.name)
    assert begun is not None
    vectors = np.ones((len(begun.items), MODEL.dimension), dtype=np.float32)
    assert ledger.finish(job, 0, begun.items, PartResult(vectors, PartAbout(MODEL)))


def test_a_part_that_could_not_be_sent_is_sent_later(make: ClientMaker, redis: Redis) -> None:
    """Redis takes the job and then, as after an outage in between, refuses the message."""
    client = make()
    redis.execute_command("ACL SETUSER", "default", "-lpush")  # type: ignore[no-untyped-call]
    try:
        answer = client.post("/encode?wait=0", json=[{"text": "a"}])
    finally:
        redis.execute_command("ACL SETUSER", "default", "+lpush")  # type: ignore[no-untyped-call]
    assert (answer.status_code, answer.get_json()["status"]) == (202, "queued")
    assert redis.llen(KEYS(Priority.BULK)) == 0
    wait_until(lambda: redis.llen(KEYS(Priority.BULK)), "repair sends the part")
    [raw] = redis.lrange(KEYS(Priority.BULK), 0, -1)
    message = orjson.loads(raw)
    [arguments, _, _] = orjson.loads(base64.b64decode(message["body"]))
    assert arguments == [answer.get_json()["id"], 0]
    assert message["headers"]["request_id"] == answer.headers["X-Request-Id"]
