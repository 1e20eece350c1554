"""Label sets and models: each model encodes a set once, within the first request that needs it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.label_sets.store import LabelSetStore
from common.ledger.reads import job_key
from common.ledger.records import LabelSetVersion
from common.protocol.messages import ModelInfo, PartAbout, PartResult
from tests.api.routes.test_label_sets import LABELS, SAMPLES, forget_all, put
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.images import image_item
from tests.processes import wait_until

MODELS = "one,two"
TOO_LONG = {"text": "x" * 99}
KEYS = (f"key {number}" for number in count())


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With two fake models, which make the same of the same bytes."""
    with deployed(tmp_path_factory.mktemp("t"), workers=0, models=MODELS) as deployment:
        for model in MODELS.split(","):
            deployment.add_worker(model=model, models=MODELS)
        yield deployment


@pytest.fixture
def redis(deployment: Deployment) -> Iterator[Redis]:
    with deployment.redis() as client:
        yield client


@pytest.fixture
def client(deployment: Deployment, make_api: ClientMaker) -> FlaskClient:
    forget_all(deployment)
    return make_api(redis_url=deployment.valkey.url, models=MODELS)


def rank(client: FlaskClient, **body: Any) -> Any:
    """Rank by a job: with a key of its own, no request is answered from the cache."""
    headers = {"Idempotency-Key": next(KEYS)}
    return client.post("/rank", json={"queries": SAMPLES, **body}, headers=headers)


def encoded_kinds(redis: Redis, answer: Any) -> str:
    """The kinds of the items that were encoded for an answer: images and texts."""
    record = redis.hget(job_key(answer.headers["X-Job-Id"]), "request")
    kinds: str = orjson.loads(record or "")["kinds"]
    return kinds


def models_of(client: FlaskClient) -> list[str]:
    models = client.get("/label-sets/a").get_json()["models"]
    return [f"{model['name']}@{model['revision']}" for model in models]


def test_the_model_that_a_set_was_put_for_encodes_queries_alone(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", [{"text": f"label {number}"} for number in range(1000)])
    answer = rank(client, label_set="a")
    assert [len(row) for row in answer.get_json()["probabilities"]] == [1000, 1000]
    assert encoded_kinds(redis, answer) == "bb"


def test_another_model_encodes_a_set_within_the_job_of_the_first_request(
    client: FlaskClient, redis: Redis
) -> None:
    labels = [*LABELS, TOO_LONG]
    assert put(client, "a", labels, templates=["{}", "a {}"]).headers["X-Truncated-Texts"] == "1"
    assert models_of(client) == ["one@main"]
    before = set(redis.scan_iter("clip:job:*"))
    first = rank(client, label_set="a", model="two")
    assert len(set(redis.scan_iter("clip:job:*")) - before) == 1
    assert encoded_kinds(redis, first) == "bb" + 6 * "t"
    assert models_of(client) == ["one@main", "two@main"]
    second = rank(client, label_set="a", model="two")
    assert encoded_kinds(redis, second) == "bb"
    plain = rank(client, candidates=labels, templates=["{}", "a {}"], model="two")
    assert first.data == second.data == plain.data
    assert "X-Truncated-Texts" not in {**first.headers, **second.headers}
    document = client.get(f"/jobs/{first.headers['X-Job-Id']}").get_json()
    assert document["truncated"] == []
    assert document["progress"] == {"total": 2, "done": 2, "failed": 0}
    assert document["result"] == first.get_json()


OLD = ModelInfo("one", "old", 2, 1.0)


def outdate(redis: Redis, client: FlaskClient) -> LabelSetVersion:
    """Leave the set as a worker of an earlier revision would have left it."""
    of = LabelSetVersion("a", client.get("/label-sets/a").get_json()["version"])
    redis.delete(*redis.scan_iter("clip:label-vectors:*"), *redis.scan_iter("clip:label-models:*"))
    stored(redis).add("", of, PartResult(np.ones((5, 2), dtype=np.float32), PartAbout(OLD)))
    return of


def stored(redis: Redis) -> LabelSetStore:
    return LabelSetStore(redis, max_sets=10, max_bytes=10_000_000)


def test_a_new_revision_replaces_the_old_one_at_first_use(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", [*LABELS[:4], SAMPLES[0]])
    of = outdate(redis, client)
    assert models_of(client) == ["one@old"]
    first, second = rank(client, label_set="a"), rank(client, label_set="a")
    assert (encoded_kinds(redis, first), encoded_kinds(redis, second)) == ("bbtttt", "bb")
    assert first.data == second.data
    assert models_of(client) == ["one@main"]
    assert stored(redis).embeddings("", of, OLD) is not None, "jobs may need it for a while"
    ttls = [redis.ttl(key) for key in redis.scan_iter("clip:label-vectors:*")]
    assert sorted(ttl > 0 for ttl in ttls) == [False, True]


def test_an_image_that_was_lost_is_reported_where_the_set_is_named(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", [LABELS[0], image_item(seed=7)])
    outdate(redis, client)
    [content] = redis.scan_iter("clip:label-content:*")
    [digest] = [name for name in redis.hkeys(content) if name != b"content"]
    redis.hset(content, digest, b"broken")
    forget_cached(redis, bytes.fromhex(digest.decode()))  # type: ignore[union-attr]
    answer = rank(client, label_set="a")
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert (error["pointer"], error["code"]) == ("/label_set", "not_an_image")
    assert error["detail"].startswith("is a set whose /candidates/1/img_blob ")


def forget_cached(redis: Redis, key: bytes) -> None:
    """Drop an embedding from the cache once it is there, which may be after the answer."""
    wait_until(
        lambda: sum(redis.hdel(name, key) for name in redis.scan_iter("clip:emb:*")),
        "the embedding is cached",
    )
