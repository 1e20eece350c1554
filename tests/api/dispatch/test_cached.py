"""Requests that the embedding cache answers completely, without a job, a queue or the model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from common.cache.embeddings import (
    CacheBounds,
    Embedding,
    EmbeddingCache,
    Space,
    image_key,
    space_of,
    text_key,
)
from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.protocol.messages import ModelInfo
from tests.conftest import ClientMaker
from tests.images import blob, image_item
from tests.processes import (
    DEMO_MODEL,
    LOOPBACK_ALLOWED,
    Api,
    fork,
    start_api,
    wait_for_workers,
    wait_until,
)

MODEL = ModelInfo("m", "r", dimension=3, logit_scale=2.0)
SPACE = space_of(MODEL, "float32")
BEAT = Heartbeat("w", MODEL, "cpu", "float32", 4, 0, 1.0, space=SPACE.name)
IMAGE = b"any bytes, because no worker decodes them"
LABELS = [{"text": "a cat"}, {"text": "a dog"}]
BODY: dict[str, Any] = {"queries": [blob(IMAGE)], "candidates": LABELS}
KNOWN = {
    image_key(IMAGE): Embedding(np.array([1, 2, 2], dtype=np.float32)),
    text_key("a cat"): Embedding(np.array([1, 0, 0], dtype=np.float32), truncated=True),
    text_key("a dog"): Embedding(np.array([0, 3, 4], dtype=np.float32)),
}
COSINES = [[np.float32(1 / 3), np.float32(14 / 15)]]
KEYS = ("my-key-0123456789abcdef", "your-key-0123456789abcdef")


@pytest.fixture
def cache(redis: Redis) -> EmbeddingCache:
    """A model whose worker sends heartbeats but takes no parts, so that jobs never end."""
    Heartbeats(redis, 60).beat(BEAT)
    cache = EmbeddingCache(redis, CacheBounds(100, 60))
    cache.store(SPACE, KNOWN)
    return cache


@pytest.fixture
def make(make_api: ClientMaker, redis_url: str, cache: EmbeddingCache) -> ClientMaker:
    def make(**settings: object) -> FlaskClient:
        return make_api(redis_url=redis_url, sync_timeout_s=0.5, worker_ttl_s=60, **settings)

    return make


@pytest.fixture
def client(make: ClientMaker) -> FlaskClient:
    return make()


def is_cached(answer: TestResponse) -> bool:
    """Whether the answer came from the cache; otherwise its job has taken too long."""
    assert answer.status_code in (200, 504), answer.data
    has_job = "X-Job-Id" in answer.headers
    assert has_job is (answer.status_code == 504)
    return not has_job


def test_the_answer_names_no_job(client: FlaskClient) -> None:
    answer = client.post("/rank", json=BODY)
    assert is_cached(answer)
    told = np.array(answer.get_json()["cosine_similarities"], dtype=np.float32)
    assert told.tolist() == np.array(COSINES, dtype=np.float32).tolist()
    assert answer.headers["X-Truncated-Texts"] == "1"
    assert answer.headers["Vary"] == "Prefer"
    zeros = "queue;dur=0.0, fetch;dur=0.0, decode;dur=0.0, inference;dur=0.0"
    assert answer.headers["Server-Timing"] == zeros


def test_candidates_in_several_templates_are_found_as_one(
    client: FlaskClient, cache: EmbeddingCache
) -> None:
    templates = ["a {}", "the {}"]
    body = {"queries": BODY["queries"], "candidates": [{"text": "cat"}], "templates": templates}
    cache.store(SPACE, {text_key("a cat"): KNOWN[text_key("a dog")]})
    assert not is_cached(client.post("/rank", json=body))
    cache.store(SPACE, {text_key("cat", templates): KNOWN[text_key("a dog")]})
    answer = client.post("/rank", json=body)
    assert is_cached(answer)
    assert answer.get_json()["cosine_similarities"] == [[pytest.approx(14 / 15)]]


def test_no_image_no_message_and_no_job_is_stored(client: FlaskClient, redis: Redis) -> None:
    client.post("/rank", json=BODY)
    before = set(redis.scan_iter())
    assert is_cached(client.post("/rank", json=BODY))
    assert set(redis.scan_iter()) == before


def test_a_full_queue_does_not_matter(make: ClientMaker) -> None:
    client = make(max_open_items=1)
    assert is_cached(client.post("/rank", json=BODY))
    new = {**BODY, "queries": [{"text": "something new"}]}
    refused = client.post("/rank", json=new)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "queue_full")


def test_the_cache_belongs_to_all_owners(make: ClientMaker) -> None:
    client = make(api_keys=" ".join(KEYS))
    mine, yours = (client.post("/rank", json=BODY, headers={"X-API-Key": key}) for key in KEYS)
    assert is_cached(mine)
    assert mine.data == yours.data
    assert client.post("/rank", json=BODY).status_code == 401


def test_a_label_set_is_ranked_by_from_the_cache(client: FlaskClient, redis: Redis) -> None:
    stored = client.put("/label-sets/pets", json={"candidates": LABELS})
    assert (stored.status_code, stored.headers["X-Truncated-Texts"]) == (201, "1")
    for label in LABELS:
        redis.hdel(f"clip:emb:{SPACE.name}:new", text_key(label["text"]))
    answer = client.post("/rank", json={"queries": BODY["queries"], "label_set": "pets"})
    assert is_cached(answer)
    [row] = answer.get_json()["cosine_similarities"]
    assert row == pytest.approx(COSINES[0])
    assert answer.headers["X-Label-Set"].startswith("pets@")
    assert "X-Truncated-Texts" not in answer.headers


@pytest.mark.parametrize("headers", [{"Prefer": "respond-async"}, {"Idempotency-Key": "one"}])
def test_a_request_that_asks_for_a_job_gets_one(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post("/rank", json=BODY, headers=headers)
    assert client.get(f"/jobs/{answer.headers['X-Job-Id']}").get_json()["status"] == "queued"


@pytest.mark.parametrize(
    "query", [{"text": "something new"}, {"img_uri": "http://example.org/cat.png"}]
)
def test_what_is_not_cached_whole_makes_a_job(client: FlaskClient, query: Any) -> None:
    assert not is_cached(client.post("/rank", json={**BODY, "queries": [*BODY["queries"], query]}))


def test_what_would_hold_up_redis_makes_a_job(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.dispatch.cached.MAX_ITEMS", 2)
    assert not is_cached(client.post("/rank", json=BODY))


@pytest.mark.parametrize(
    "other",
    [
        replace(BEAT, name="v", space=""),
        replace(BEAT, name="v", dtype="float16", space=space_of(MODEL, "float16").name),
    ],
    ids=["without a space", "of another precision"],
)
def test_while_workers_differ_every_request_makes_a_job(
    client: FlaskClient, redis: Redis, cache: EmbeddingCache, other: Heartbeat
) -> None:
    Heartbeats(redis, 60).beat(other)
    cache.store(Space(other.space, MODEL.dimension), KNOWN)
    assert not is_cached(client.post("/rank", json=BODY))


def test_another_model_has_embeddings_of_its_own(make: ClientMaker, redis: Redis) -> None:
    model = replace(MODEL, name="n")
    space = space_of(model, "float32").name
    Heartbeats(redis, 60).beat(replace(BEAT, name="v", model=model, space=space, model_queue="n"))
    client = make(models=("m", "n"))
    assert is_cached(client.post("/rank", json=BODY))
    assert not is_cached(client.post("/rank?model=n", json=BODY))
    assert client.post("/rank?model=o", json=BODY).status_code == 422


def test_without_a_worker_there_is_no_answer(client: FlaskClient, redis: Redis) -> None:
    Heartbeats(redis, 60).leave(BEAT.name)
    answer = client.post("/rank", json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_worker")


def test_an_error_of_the_cache_is_a_miss(client: FlaskClient, redis: Redis) -> None:
    redis.set(f"clip:emb:{SPACE.name}:new", "no hash")
    assert not is_cached(client.post("/rank", json=BODY))


def test_without_a_cache_every_request_makes_a_job(make: ClientMaker) -> None:
    assert not is_cached(make(cached_embeddings=0).post("/rank", json=BODY))


def test_what_is_looked_up_stays(make: ClientMaker, redis: Redis) -> None:
    """New images must not evict labels that requests use."""
    client = make(cached_embeddings=20)
    small = EmbeddingCache(redis, CacheBounds(20, 60))
    for number in range(100):
        small.store(SPACE, {sha256(bytes([number])).digest(): Embedding(np.ones(3, np.float32))})
        assert is_cached(client.post("/rank", json=BODY))


@dataclass
class Counted:
    """A service whose worker counts in a file how often it runs its model."""

    api: Api
    calls_path: Path

    @property
    def calls(self) -> int:
        return int(self.calls_path.read_text())

    def until_cached(self, body: Any) -> requests.Response:
        """Rank until the answer needs no job: a result enters the cache after its answer."""
        answers: list[requests.Response] = []

        def has_no_job() -> bool:
            answers.append(self.api.post("/rank", body))
            return answers[-1].ok and "X-Job-Id" not in answers[-1].headers

        wait_until(has_no_job, "the answer comes from the cache")
        return answers[-1]


@pytest.fixture
def counted(folder: Path, redis_url_of_its_own: str) -> Iterator[Counted]:
    calls = folder / "calls"
    settings = {"redis_url": redis_url_of_its_own, "model": DEMO_MODEL, **LOOPBACK_ALLOWED}
    worker = fork(["-m", "bench.counting_worker"], folder, {**settings, "BENCH_CALLS": calls})
    api = start_api(folder, redis_url_of_its_own)
    wait_for_workers(api, [worker])
    yield Counted(api, calls)
    api.stop()
    worker.stop()


def test_the_answers_are_those_of_the_model_which_is_not_run(counted: Counted) -> None:
    images = [image_item(seed) for seed in range(3)]
    labels = [{"text": word} for word in ("a hat", "a shirt", "word " * 200)]
    body = {"queries": images, "candidates": labels}
    first = counted.api.post("/rank", body)
    again = counted.until_cached(body)
    before = counted.calls
    assert again.content == first.content
    assert first.headers["X-Truncated-Texts"] == again.headers["X-Truncated-Texts"] == "1"
    turned = {"queries": labels[::-1], "candidates": images, "top_k": 1}
    for path, other in (("/rank", turned), ("/encode", [*images, *labels])):
        answer = counted.api.post(path, other)
        assert answer.ok
        assert "X-Job-Id" not in answer.headers
    by_worker = counted.api.post("/rank?wait=30", body)
    assert by_worker.content == first.content
    assert "X-Job-Id" in by_worker.headers
    assert counted.calls == before
