"""Label sets in Redis stay within a limit, and versions that no job needs are deleted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.label_sets.label_content import LabelContent, Labels, LabelSet
from common.label_sets.store import LabelSetStore
from common.protocol.messages import ModelInfo, PartAbout, PartResult
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.images import image_item
from tests.processes import wait_until

MODEL = ModelInfo("one", "old", 2, 1.0)
SAMPLES = [image_item(seed) for seed in range(2)]
MAX_BYTES = 20_000


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("b"), model="fake") as deployment:
        yield deployment


@pytest.fixture
def redis(deployment: Deployment) -> Iterator[Redis]:
    with deployment.redis() as client:
        for key in client.scan_iter("clip:label*"):
            client.delete(key)
        yield client


@pytest.fixture
def client(deployment: Deployment, redis: Redis, make_api: ClientMaker) -> FlaskClient:
    return make_api(redis_url=deployment.valkey.url, max_label_set_bytes=MAX_BYTES)


def put(client: FlaskClient, name: str, seed: int, chars: int = 5000) -> Any:
    text = f"{seed}".ljust(chars, "x")
    return client.put(f"/label-sets/{name}", json={"candidates": [{"text": text}, {"text": "b"}]})


def rank(client: FlaskClient, name: str, query: str = "") -> Any:
    return client.post(f"/rank{query}", json={"queries": SAMPLES, "label_set": name})


def versions(redis: Redis) -> int:
    """How many versions have their content in Redis, whether current or not."""
    return len(list(redis.scan_iter("clip:label-content:*")))


def taken(redis: Redis) -> int:
    keys = [*redis.scan_iter("clip:label-content:*"), *redis.scan_iter("clip:label-vectors:*")]
    return sum(int(redis.memory_usage(key) or 0) for key in keys)


def test_what_no_job_needs_is_freed_at_once(client: FlaskClient, redis: Redis) -> None:
    for seed in range(10):
        assert put(client, "a", seed).status_code in (200, 201)
        assert versions(redis) == 1
    assert client.delete("/label-sets/a").status_code == 204
    assert list(redis.scan_iter("clip:label-*")) == []


def test_what_a_job_needs_is_kept_for_as_long_as_the_job(client: FlaskClient, redis: Redis) -> None:
    put(client, "a", 1)
    jobs = [rank(client, "a", "?wait=0").headers["Location"] for _ in range(2)]
    put(client, "a", 2)
    assert versions(redis) == 2
    ttls = sorted(redis.ttl(key) for key in redis.scan_iter("clip:label-content:*"))
    assert ttls[0] == -1
    assert 90_000 - 10 < ttls[1] <= 90_300
    assert client.delete("/label-sets/a").status_code == 204
    for job in jobs:
        assert client.get(f"{job}?wait=30").get_json()["status"] == "done"


def test_a_synchronous_ranking_needs_its_version_for_little_longer_than_itself(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", 1)
    assert rank(client, "a").status_code == 200
    client.delete("/label-sets/a")
    [ttl] = [redis.ttl(key) for key in redis.scan_iter("clip:label-content:*")]
    assert 0 < ttl <= 3600 + 60 + 300


def test_what_was_retired_first_is_dropped_where_there_is_no_room(
    client: FlaskClient, redis: Redis
) -> None:
    jobs = []
    for seed in range(6):
        assert put(client, "a", seed).status_code in (200, 201)
        job = rank(client, "a", "?wait=0").headers["Location"]
        assert client.get(f"{job}?wait=30").status_code == 200
        jobs.append(job)
        assert taken(redis) < MAX_BYTES * 1.2
    assert versions(redis) == 3
    codes = [client.get(job).status_code for job in jobs[-3:]]
    assert codes == [200, 200, 200]
    assert rank(client, "a").status_code == 200


def test_sets_that_take_too_much_together_are_refused(client: FlaskClient, redis: Redis) -> None:
    for name in "abc":
        assert put(client, name, 1).status_code == 201
    answer = put(client, "d", 1)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "too_many_label_sets")
    assert "bytes" in answer.get_json()["detail"]
    assert versions(redis) == 3
    assert put(client, "a", 2).status_code == 200, "it replaces what is as large"
    assert put(client, "a", 3, chars=15_000).status_code == 409
    assert rank(client, "a").status_code == 200
    assert client.delete("/label-sets/b").status_code == 204
    assert put(client, "d", 1).status_code == 201


def test_a_version_that_becomes_the_current_one_again_does_not_expire(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", 1)
    rank(client, "a")
    put(client, "a", 2)
    assert put(client, "a", 1).status_code == 200
    current = client.get("/label-sets/a").get_json()["version"]
    keys = list(redis.scan_iter(f"clip:label-[cmv]*:a:{current}*"))
    assert len(keys) == 3
    assert {redis.ttl(key) for key in keys} == {-1}
    assert versions(redis) == 1


def test_what_has_expired_counts_no_more(redis: Redis) -> None:
    store = LabelSetStore(redis, max_sets=10, max_bytes=3000)
    for seed in range(2):
        assert _put(store, "a", seed) != "too_large"
        store.use("", "a", 1)
    wait_until(lambda: versions(redis) == 1, "the older version expires")
    assert _put(store, "b", 3) == "created"
    [sizes] = [redis.hgetall(key) for key in redis.scan_iter("clip:label-bytes:*")]
    assert len(sizes) == 4, "content and embeddings of two sets"


def test_on_a_full_redis_a_set_is_used_and_deleted_all_the_same(redis: Redis) -> None:
    store = LabelSetStore(redis, max_sets=10, max_bytes=3000)
    assert _put(store, "a", 1) == "created"
    redis.config_set("maxmemory", 1)
    try:
        assert store.use("", "a", 100) is not None
        assert store.drop("", "a")
    finally:
        redis.config_set("maxmemory", 0)
    ttls = [redis.ttl(key) for key in redis.scan_iter("clip:label-[cmv]*")]
    assert len(ttls) == 3
    assert all(0 < ttl <= 100 for ttl in ttls)


def test_embeddings_that_do_not_fit_are_not_stored(redis: Redis) -> None:
    store = LabelSetStore(redis, max_sets=10, max_bytes=1800)
    assert _put(store, "a", 1) == "created"
    other = ModelInfo("two", "new", 2, 1.0)
    label_set = store.current("", "a")
    assert label_set is not None
    store.add("", label_set.of, _result(other, rows=100))
    assert [model.name for model in store.models("", label_set.of)] == ["one"]


def _put(store: LabelSetStore, name: str, seed: int) -> str:
    content = LabelContent([("text", f"{seed}".ljust(1000, "x"))], [0], ())
    label_set = LabelSet(name, content.version, 1, float(seed))
    return store.put("", label_set, Labels(content, {}), _result(MODEL))


def _result(model: ModelInfo, rows: int = 1) -> PartResult:
    return PartResult(np.ones((rows, 2), dtype=np.float32), PartAbout(model))
