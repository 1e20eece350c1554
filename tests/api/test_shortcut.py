"""Requests that are answered from the cache. There is no worker: the queue leads nowhere."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.embeddings import (
    CacheBounds,
    Embedding,
    EmbeddingCache,
    dump_embedding,
    picture_key,
    space_of,
    text_key,
)
from common.heartbeats import Heartbeat, Heartbeats
from common.protocol import INTERACTIVE, ModelInfo
from tests.conftest import ClientMaker
from tests.pictures import blob

MODEL = ModelInfo("m", "r", dimension=3, logit_scale=2.0)
SPACE = space_of(MODEL, "float32")
BEAT = Heartbeat("w", MODEL, "cpu", "float32", 4, 0, 1.0, space=SPACE.name)
PICTURE = b"any bytes, for nobody decodes them"
BODY = {"queries": [blob(PICTURE)], "candidates": [{"text": "a cat"}, {"text": "a dog"}]}
KNOWN = {
    picture_key(PICTURE): Embedding(np.array([1, 2, 2], dtype=np.float32)),
    text_key("a cat"): Embedding(np.array([1, 0, 0], dtype=np.float32), truncated=True),
    text_key("a dog"): Embedding(np.array([0, 3, 4], dtype=np.float32)),
}
COSINES = [[np.float32(1 / 3), np.float32(14 / 15)]]
MINE = {"X-API-Key": "my-key-0123456789abcdef"}
YOURS = {"X-API-Key": "your-key-0123456789abcdef"}
BOTH = " ".join([*MINE.values(), *YOURS.values()])
GATEWAY_TIMEOUT = 504
"""Of what had to go through the queue."""


@pytest.fixture
def cache(redis: Redis) -> EmbeddingCache:
    Heartbeats(redis, 60).beat(BEAT)
    cache = EmbeddingCache(redis, CacheBounds(100, 60))
    cache.store(SPACE, KNOWN)
    return cache


@pytest.fixture
def make(make_api: ClientMaker, redis_url: str) -> ClientMaker:
    def make(**settings: object) -> FlaskClient:
        return make_api(redis_url=redis_url, sync_timeout_s=0.1, worker_ttl_s=60, **settings)

    return make


@pytest.fixture
def client(make: ClientMaker, cache: EmbeddingCache) -> FlaskClient:
    return make()


def jobs(redis: Redis) -> int:
    return len(list(redis.scan_iter("clip:job:*")))


def scripts_run(redis: Redis) -> int:
    calls: int = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    return calls


def test_what_is_cached_is_answered_without_the_queue(client: FlaskClient, redis: Redis) -> None:
    answer = client.post("/rank", json=BODY)
    assert answer.status_code == 200
    told = np.array(answer.get_json()["cosine_similarities"], dtype=np.float32)
    assert told.tolist() == np.array(COSINES, dtype=np.float32).tolist()
    assert answer.headers["X-Truncated-Texts"] == "1"
    zeros = "queue;dur=0.0, fetch;dur=0.0, decode;dur=0.0, inference;dur=0.0"
    assert answer.headers["Server-Timing"] == zeros
    assert not redis.exists(INTERACTIVE, "clip:open", "clip:open-items")


def test_embeddings_are_those_of_the_cache_to_the_last_bit(
    client: FlaskClient, cache: EmbeddingCache
) -> None:
    vectors = np.random.default_rng(5).normal(size=(300, 3)).astype(np.float32)
    cache_of_all = {text_key(f"t{n}"): Embedding(vector) for n, vector in enumerate(vectors[:50])}
    cache.store(SPACE, cache_of_all)
    answer = client.post("/encode", json=[{"text": f"t{n}"} for n in range(50)])
    assert np.array(answer.get_json(), dtype=np.float32).tobytes() == vectors[:50].tobytes()


def test_it_is_one_round_trip(client: FlaskClient, redis: Redis) -> None:
    client.post("/rank", json=BODY)
    redis.config_resetstat()
    assert client.post("/rank", json=BODY).status_code == 200
    commands = redis.info("commandstats")
    assert scripts_run(redis) == 1
    assert "cmdstat_zrange" not in commands, "the workers are remembered"
    assert "cmdstat_hgetall" not in commands, "the result is not read back"


def test_its_job_can_be_looked_at_and_forgotten(client: FlaskClient) -> None:
    answer = client.post("/rank", json=BODY)
    path = f"/jobs/{answer.headers['X-Job-Id']}"
    document = client.get(path).get_json()
    assert document["status"] == "done"
    assert document["result"] == answer.get_json()
    assert document["progress"] == {"total": 1, "done": 1, "failed": 0}
    assert document["model"] == {"name": "m", "revision": "r"}
    assert set(document["timings"].values()) == {0.0}
    assert document["truncated"] == ["/candidates/0/text"]
    assert document["created_at"] == document["started_at"] == document["finished_at"]
    assert client.post(f"{path}/cancel").status_code == 409
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_its_pictures_do_not_stay(client: FlaskClient, redis: Redis) -> None:
    assert client.post("/rank", json=BODY).status_code == 200
    assert list(redis.scan_iter("clip:blob:*")) == []


def test_a_full_queue_is_passed_by(make: ClientMaker, cache: EmbeddingCache, redis: Redis) -> None:
    client = make(max_open_items=1)
    assert client.post("/rank", json=BODY).status_code == 200
    new = {**BODY, "queries": [{"text": "something new"}]}
    refused = client.post("/rank", json=new)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "queue_full")


def test_its_job_does_not_stay_for_ever(client: FlaskClient, redis: Redis) -> None:
    job = client.post("/rank", json=BODY).headers["X-Job-Id"]
    for key in (f"clip:job:{job}", f"clip:part:{job}:0"):
        assert 0 < redis.ttl(key) <= 60


def test_an_idempotency_key_is_good_for_one_job(client: FlaskClient, redis: Redis) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (client.post("/rank", json=BODY, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]
    assert first.data == again.data
    assert jobs(redis) == 1
    other = client.post("/rank", json={**BODY, "top_k": 1}, headers=key)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")


def test_a_job_belongs_to_its_key_and_the_cache_to_all(
    make: ClientMaker, cache: EmbeddingCache
) -> None:
    client = make(api_keys=BOTH)
    mine, yours = (client.post("/rank", json=BODY, headers=key) for key in (MINE, YOURS))
    assert mine.data == yours.data
    path = f"/jobs/{mine.headers['X-Job-Id']}"
    assert client.get(path, headers=MINE).status_code == 200
    assert client.get(path, headers=YOURS).status_code == 404
    assert client.post("/rank", json=BODY).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "queries": [*BODY["queries"], {"text": "something new"}]},
        {**BODY, "queries": [{"img_uri": "http://example.org/cat.png"}]},
    ],
    ids=["new", "URL"],
)
def test_what_is_not_cached_as_a_whole_goes_through_the_queue(
    client: FlaskClient, body: Any
) -> None:
    assert client.post("/rank", json=body).status_code == GATEWAY_TIMEOUT


def test_what_would_hold_up_redis_goes_through_the_queue(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.shortcut.MOST_ITEMS", 2)
    assert client.post("/rank", json=BODY).status_code == GATEWAY_TIMEOUT


def test_a_label_set_may_be_made_of_what_is_cached(client: FlaskClient) -> None:
    labels = {"candidates": BODY["candidates"]}
    assert client.put("/label-sets/pets", json=labels).status_code == 201
    by_set = client.post("/rank", json={"queries": BODY["queries"], "label_set": "pets"})
    assert by_set.get_json() == client.post("/rank", json=BODY).get_json()


def test_asynchronous_requests_go_through_the_queue(client: FlaskClient) -> None:
    answer = client.post("/rank", json=BODY, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.get_json()["status"]) == (202, "queued")


@pytest.mark.parametrize(
    "other",
    [
        replace(BEAT, name="v", space=""),
        replace(BEAT, name="v", dtype="float16", space=space_of(MODEL, "float16").name),
    ],
    ids=["silent", "different"],
)
def test_workers_that_do_not_agree_decide_nothing(
    client: FlaskClient, redis: Redis, other: Heartbeat
) -> None:
    Heartbeats(redis, 60).beat(other)
    assert client.post("/rank", json=BODY).status_code == GATEWAY_TIMEOUT


def test_a_worker_of_another_model_matters_not(
    make: ClientMaker, cache: EmbeddingCache, redis: Redis
) -> None:
    model = replace(MODEL, name="n")
    space = space_of(model, "float32").name
    Heartbeats(redis, 60).beat(replace(BEAT, name="v", model=model, space=space, lane="n"))
    client = make(models=("m", "n"))
    assert client.post("/rank", json=BODY).status_code == 200
    assert client.post("/rank?model=n", json=BODY).status_code == GATEWAY_TIMEOUT
    assert client.post("/rank?model=o", json=BODY).status_code == 422


def test_without_a_worker_nothing_is_answered(
    client: FlaskClient, cache: EmbeddingCache, redis: Redis
) -> None:
    Heartbeats(redis, 60).leave(BEAT.name)
    answer = client.post("/rank", json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_worker")


BROKEN = dump_embedding(Embedding(np.full(3, np.nan)))


@pytest.mark.parametrize("value", [b"", b"short", BROKEN, BROKEN[:-1] + b"\x02"])
def test_what_is_broken_is_not_answered_with(
    client: FlaskClient, redis: Redis, value: bytes
) -> None:
    redis.hset(f"clip:emb:{SPACE.name}:new", text_key("a dog"), value)
    answer = client.post("/rank", json=BODY)
    assert answer.status_code == GATEWAY_TIMEOUT
    assert jobs(redis) == 1, "that in the queue"


def test_trouble_with_the_cache_is_no_error(client: FlaskClient, redis: Redis) -> None:
    redis.set(f"clip:emb:{SPACE.name}:new", "what is this")
    assert client.post("/rank", json=BODY).status_code == GATEWAY_TIMEOUT


def test_nothing_is_looked_up_where_the_cache_is_off(
    make: ClientMaker, cache: EmbeddingCache, redis: Redis
) -> None:
    assert make(cached_embeddings=0).post("/rank", json=BODY).status_code == GATEWAY_TIMEOUT


def test_what_is_asked_for_stays(make: ClientMaker, cache: EmbeddingCache, redis: Redis) -> None:
    """Labels that workers need not encode must not be pushed out by pictures that are new."""
    redis.flushall()
    Heartbeats(redis, 60).beat(BEAT)
    client = make(cached_embeddings=20)
    small = EmbeddingCache(redis, CacheBounds(20, 60))
    small.store(SPACE, KNOWN)
    for number in range(100):
        small.store(SPACE, {sha256(bytes([number])).digest(): Embedding(np.ones(3, np.float32))})
        assert client.post("/rank", json=BODY).status_code == 200
