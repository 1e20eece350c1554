"""Label sets: stored once, ranked by often, and never encoded twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.jobs import job_key
from common.label_sets import LabelSetStore, LabelSetVersion
from common.protocol import ModelInfo, PartAbout, PartResult
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.picture_server import PictureServer
from tests.pictures import blob, encoded, noise, picture_item
from tests.processes import wait_until

LABELS = [{"text": "x" * number} for number in range(1, 6)]
PICTURES = [picture_item(seed) for seed in range(2)]
BAD_PICTURE = blob(b"not a picture")
MINE = {"X-API-Key": "my-key-0123456789abcdef"}
YOURS = {"X-API-Key": "your-key-0123456789abcdef"}
BOTH = " ".join([*MINE.values(), *YOURS.values()])
THOUSAND = [{"text": f"label {number}"} for number in range(1000)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With a fake model, which makes the same bytes however its batches fall."""
    with deployed(tmp_path_factory.mktemp("n"), model="fake") as deployment:
        yield deployment


@pytest.fixture
def redis(deployment: Deployment) -> Iterator[Redis]:
    with deployment.redis() as client:
        yield client


def forget_all(deployment: Deployment) -> None:
    with deployment.redis() as redis:
        for key in redis.scan_iter("clip:label*"):
            redis.delete(key)


@pytest.fixture
def client(deployment: Deployment, make_api: ClientMaker) -> FlaskClient:
    forget_all(deployment)
    return make_api(redis_url=deployment.valkey.url)


def put(client: FlaskClient, name: str, candidates: Any = LABELS, **more: Any) -> Any:
    headers = more.pop("headers", {})
    return client.put(
        f"/label-sets/{name}", json={"candidates": candidates, **more}, headers=headers
    )


def rank(client: FlaskClient, **body: Any) -> Any:
    return client.post("/rank", json={"queries": PICTURES, **body})


def encoded_kinds(redis: Redis, job: str) -> str:
    """The kinds of the items that were encoded for a job."""
    kinds: str = orjson.loads(redis.hget(job_key(job), "request") or "")["kinds"]
    return kinds


def test_a_set_is_put_looked_at_listed_and_forgotten(client: FlaskClient) -> None:
    answer = put(client, "clothes.v-1_x")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/label-sets/clothes.v-1_x"
    document = answer.get_json()
    assert list(document) == ["name", "version", "count", "created_at", "labels", "models"]
    assert (document["name"], document["count"]) == ("clothes.v-1_x", 5)
    assert document["models"] == [{"name": "fake", "revision": "main"}]
    assert client.get("/label-sets/clothes.v-1_x").get_json() == document
    put(client, "another")
    listed = client.get("/label-sets").get_json()["label_sets"]
    assert [each["name"] for each in listed] == ["another", "clothes.v-1_x"]
    assert listed[1] == {key: document[key] for key in ("name", "version", "count", "created_at")}
    assert client.delete("/label-sets/clothes.v-1_x").status_code == 204
    assert client.get("/label-sets/clothes.v-1_x").status_code == 404
    assert client.delete("/label-sets/clothes.v-1_x").status_code == 404
    assert len(client.get("/label-sets").get_json()["label_sets"]) == 1


@pytest.mark.parametrize(
    ("templates", "labels"),
    [(None, ["cat", None, "cat"]), (["a {}", "the {}"], ["a cat", None, "a cat"])],
)
def test_a_set_tells_what_its_candidates_are_called(
    client: FlaskClient, templates: Any, labels: Any
) -> None:
    cat = {"text": "cat"}
    assert put(client, "a", [cat, PICTURES[0], cat], templates=templates).status_code == 201
    assert client.get("/label-sets/a").get_json()["labels"] == labels


def test_a_candidate_that_is_a_link_is_called_by_it(
    client: FlaskClient, picture_server: PictureServer
) -> None:
    link = picture_server.serve(encoded(noise(60, 40)))
    assert put(client, "a", [{"img_uri": link}]).get_json()["labels"] == [link]


def test_the_same_content_again_changes_nothing(client: FlaskClient) -> None:
    first = put(client, "a")
    again = put(client, "a")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()


def test_other_content_is_another_version(client: FlaskClient) -> None:
    contents: list[dict[str, Any]] = [
        {},
        {"candidates": LABELS[:2]},
        {"candidates": LABELS[::-1]},
        {"template": "a {}"},
        {"templates": ["a {}", "b {}"]},
        {"candidates": PICTURES},
    ]
    versions = {put(client, "a", **content).get_json()["version"] for content in contents}
    assert len(versions) == 6
    assert put(client, "a").status_code == 200
    assert put(client, "b").get_json()["version"] in versions


@pytest.mark.parametrize("options", [{}, {"temperature": 3, "top_k": 2, "activation": "none"}])
@pytest.mark.parametrize("templates", [None, ["a {}"], ["a {}", "{}", "{} and more"]])
def test_a_ranking_by_a_set_is_that_by_its_candidates(
    client: FlaskClient, options: Any, templates: Any
) -> None:
    candidates = [*LABELS, PICTURES[1], LABELS[0]]
    version = put(client, "a", candidates, templates=templates).get_json()["version"]
    by_set = rank(client, label_set="a", **options)
    plain = rank(client, candidates=candidates, templates=templates, **options)
    assert (by_set.status_code, plain.status_code) == (200, 200)
    assert by_set.data == plain.data
    assert by_set.headers["X-Label-Set"] == f"a@{version}"
    assert "X-Label-Set" not in plain.headers


def test_a_thousand_labels_cost_a_ranking_nothing(client: FlaskClient, redis: Redis) -> None:
    put(client, "many", THOUSAND)
    answer = rank(client, label_set="many")
    assert [len(row) for row in answer.get_json()["probabilities"]] == [1000, 1000]
    assert encoded_kinds(redis, answer.headers["X-Job-Id"]) == "bb"


def test_a_job_tells_its_version_and_keeps_it(client: FlaskClient, redis: Redis) -> None:
    version = put(client, "a").get_json()["version"]
    body = {"queries": PICTURES, "label_set": "a"}
    jobs = [client.post("/rank?wait=0", json=body) for _ in range(2)]
    assert [job.headers["X-Label-Set"] for job in jobs] == [f"a@{version}"] * 2
    put(client, "a", LABELS[:2])
    changed = client.get(jobs[0].headers["Location"] + "?wait=30").get_json()
    client.delete("/label-sets/a")
    deleted = client.get(jobs[1].headers["Location"] + "?wait=30").get_json()
    for document in (changed, deleted):
        assert document["label_set"] == {"name": "a", "version": version}
        assert [len(row) for row in document["result"]["probabilities"]] == [5, 5]
    assert all(0 < redis.ttl(key) <= 90_300 for key in redis.scan_iter("clip:label-[cmv]*"))


def test_a_plain_job_says_nothing_of_label_sets(client: FlaskClient) -> None:
    location = client.post("/encode?wait=0", json=LABELS).headers["Location"]
    assert "label_set" not in client.get(location).get_json()


def test_what_is_current_does_not_expire(client: FlaskClient, redis: Redis) -> None:
    put(client, "a")
    put(client, "a", LABELS[:2])
    put(client, "a")
    version = client.get("/label-sets/a").get_json()["version"]
    keys = list(redis.scan_iter(f"clip:label-*:a:{version}*"))
    assert len(keys) == 3
    assert {redis.ttl(key) for key in [*keys, "clip:label-sets:"]} == {-1}


def live_model(client: FlaskClient) -> ModelInfo:
    gateway = client.application.extensions["gateway"]
    model: ModelInfo = gateway.live_workers()[0].model
    return model


def stored(redis: Redis) -> LabelSetStore:
    return LabelSetStore(redis, most=10, grace_s=100)


def outdated(redis: Redis, client: FlaskClient, name: str) -> LabelSetVersion:
    """Leave the set as a worker of an earlier revision would have left it."""
    of = LabelSetVersion(name, client.get(f"/label-sets/{name}").get_json()["version"])
    for key in [*redis.scan_iter("clip:label-vectors:*"), *redis.scan_iter("clip:label-models:*")]:
        redis.delete(key)
    old = ModelInfo("fake", "old", 2, 1.0)
    stored(redis).add("", of, PartResult(np.ones((5, 2), dtype=np.float32), PartAbout(old)))
    return of


def forget_cached(redis: Redis, key: bytes) -> None:
    """Drop an embedding from the cache, once it is there: the worker stores it after its answer."""
    wait_until(
        lambda: sum(redis.hdel(name, key) for name in redis.scan_iter("clip:emb:*")),
        "the embedding is cached",
    )


def test_the_embeddings_of_a_new_revision_are_made_at_first_use(
    client: FlaskClient, redis: Redis, make_api: ClientMaker, deployment: Deployment
) -> None:
    put(client, "a", [*LABELS[:4], PICTURES[0]])
    expected = rank(client, label_set="a").data
    of = outdated(redis, client, "a")
    assert client.get("/label-sets/a").get_json()["models"] == [{"name": "fake", "revision": "old"}]
    other = make_api(redis_url=deployment.valkey.url)
    first, second = rank(other, label_set="a"), rank(other, label_set="a")
    assert first.data == second.data == expected
    assert {encoded_kinds(redis, answer.headers["X-Job-Id"]) for answer in (first, second)} == {
        "bb"
    }
    assert client.get("/label-sets/a").get_json()["models"] == [
        {"name": "fake", "revision": "main"}
    ]
    assert stored(redis).embeddings("", of, ModelInfo("fake", "old", 2, 1.0)) is not None
    ttls = [redis.ttl(key) for key in redis.scan_iter("clip:label-vectors:*")]
    assert sorted(ttl > 0 for ttl in ttls) == [False, True]


def test_many_first_uses_at_once_encode_once(
    client: FlaskClient, redis: Redis, make_api: ClientMaker, deployment: Deployment
) -> None:
    put(client, "a", [*LABELS[:4], {"text": "of this test alone"}])
    outdated(redis, client, "a")
    before = set(redis.scan_iter("clip:job:*"))
    other = make_api(redis_url=deployment.valkey.url).application
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rank(other.test_client(), label_set="a"), range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.data for answer in answers}) == 1
    new = set(redis.scan_iter("clip:job:*")) - before
    assert [redis.hget(job, "kind") for job in new].count(b"label_set") == 1


def test_a_text_that_was_cut_is_told(client: FlaskClient) -> None:
    answer = put(client, "a", [{"text": "a"}, {"text": "x" * 99}], templates=["{}", "{}a"])
    assert answer.headers["X-Truncated-Texts"] == "1"


def test_content_that_was_lost_may_be_put_again(client: FlaskClient, redis: Redis) -> None:
    put(client, "a")
    for key in redis.scan_iter("clip:label-[cmv]*"):
        redis.delete(key)
    lost = client.get("/label-sets/a").get_json()
    assert (lost["count"], lost["labels"], lost["models"]) == (5, [], [])
    assert put(client, "a").get_json()["models"] == [{"name": "fake", "revision": "main"}]
    assert rank(client, label_set="a").status_code == 200


def test_another_model_encodes_a_set_at_its_first_use(
    tmp_path_factory: pytest.TempPathFactory, make_api: ClientMaker
) -> None:
    models = "one,two"
    with deployed(tmp_path_factory.mktemp("t"), workers=0, models=models) as service:
        service.add_worker(model="one", models=models)
        service.add_worker(model="two", models=models)
        client = make_api(redis_url=service.valkey.url, models=models)
        document = put(client, "a").get_json()
        assert document["models"] == [{"name": "one", "revision": "main"}]
        expected = rank(client, candidates=LABELS, model="two")
        assert rank(client, label_set="a", model="two").data == expected.data
        both = client.get("/label-sets/a").get_json()["models"]
        assert [model["name"] for model in both] == ["one", "two"]


def test_a_picture_that_is_gone_is_told_where_the_set_is_named(
    client: FlaskClient, redis: Redis, make_api: ClientMaker, deployment: Deployment
) -> None:
    put(client, "a", [LABELS[0], picture_item(seed=7)])
    outdated(redis, client, "a")
    [content] = redis.scan_iter("clip:label-content:*")
    [digest] = [name for name in redis.hkeys(content) if name != b"content"]
    redis.hset(content, digest, b"broken")
    forget_cached(redis, bytes.fromhex(digest.decode()))  # type: ignore[union-attr]
    other = make_api(redis_url=deployment.valkey.url)
    answer = rank(other, label_set="a")
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert (error["pointer"], error["code"]) == ("/label_set", "not_an_image")
    assert error["detail"].startswith("is a set whose /candidates/1/img_blob ")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "wrong_type"),
        ({}, "/candidates", "missing"),
        ({"candidates": []}, "/candidates", "too_few"),
        ({"candidates": None}, "/candidates", "wrong_type"),
        ({"candidates": LABELS, "queries": LABELS}, "/queries", "unknown_key"),
        ({"candidates": LABELS, "template": "a"}, "/template", "invalid_template"),
        ({"candidates": [LABELS[0], BAD_PICTURE]}, "/candidates/1/img_blob", "not_an_image"),
        ({"candidates": [{"img_blob": "?"}]}, "/candidates/0/img_blob", "invalid_base64"),
        ({"candidates": [{"text": "x" * 20_001}]}, "/candidates/0/text", "text_too_long"),
        ({"candidates": [LABELS[0]] * 1001}, "/candidates", "too_many"),
        ({"candidates": THOUSAND, "templates": ["{}"] * 11}, "/templates", "too_many"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    client: FlaskClient, body: Any, pointer: str, code: str
) -> None:
    for _ in range(2):
        answer = client.put("/label-sets/a", json=body)
        assert answer.status_code == 422
        [error] = answer.get_json()["errors"]
        assert (error["pointer"], error["code"]) == (pointer, code)
    assert client.get("/label-sets").get_json() == {"label_sets": []}


@pytest.mark.parametrize("name", ["ä", "a b", ".a", "x" * 65, "a:b", "a%0A", "*"])
def test_a_name_that_is_none_is_refused(client: FlaskClient, name: str) -> None:
    assert put(client, name).status_code == 422
    assert client.get(f"/label-sets/{name}").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"label_set": "a", "candidates": LABELS}, "", "ambiguous_candidates"),
        ({"label_set": "a", "template": "a {}"}, "", "ambiguous_candidates"),
        ({"label_set": "a", "templates": ["a {}"]}, "", "ambiguous_candidates"),
        ({"label_set": None}, "/candidates", "missing"),
        ({"label_set": ""}, "/label_set", "invalid_name"),
        ({"label_set": 1}, "/label_set", "wrong_type"),
    ],
)
def test_a_ranking_has_candidates_or_a_set(
    client: FlaskClient, body: Any, pointer: str, code: str
) -> None:
    put(client, "a")
    answer = rank(client, **body)
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.get_json()["errors"]] == [(pointer, code)]


def test_a_set_that_is_not_there_is_told(client: FlaskClient) -> None:
    answer = rank(client, label_set="nowhere")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "no_such_label_set")


def test_to_others_a_set_is_not_there(deployment: Deployment, make_api: ClientMaker) -> None:
    forget_all(deployment)
    client = make_api(redis_url=deployment.valkey.url, api_keys=BOTH)
    mine = put(client, "mine", headers=MINE)
    assert mine.status_code == 201
    foreign, missing = (
        client.get(f"/label-sets/{name}", headers=YOURS) for name in ("mine", "none")
    )
    assert foreign.status_code == missing.status_code == 404
    assert foreign.data == missing.data.replace(b"none", b"mine")
    assert client.delete("/label-sets/mine", headers=YOURS).status_code == 404
    body = {"queries": PICTURES, "label_set": "mine"}
    assert client.post("/rank", json=body, headers=YOURS).status_code == 404
    assert client.get("/label-sets", headers=YOURS).get_json() == {"label_sets": []}
    assert put(client, "mine", LABELS[:1], headers=YOURS).status_code == 201
    assert client.get("/label-sets/mine", headers=MINE).get_json() == mine.get_json()
    assert client.post("/rank", json=body, headers=MINE).status_code == 200
    assert client.get("/label-sets/mine").status_code == 401


def test_an_owner_may_have_so_many(deployment: Deployment, make_api: ClientMaker) -> None:
    forget_all(deployment)
    client = make_api(redis_url=deployment.valkey.url, api_keys=BOTH, max_label_sets=1)
    for name in [
        s["name"] for s in client.get("/label-sets", headers=MINE).get_json()["label_sets"]
    ]:
        client.delete(f"/label-sets/{name}", headers=MINE)
    assert put(client, "a", headers=MINE).status_code == 201
    answer = put(client, "b", headers=MINE)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "too_many_label_sets")
    assert put(client, "a", LABELS[:1], headers=MINE).status_code == 200
    client.delete("/label-sets/a", headers=MINE)
    assert put(client, "b", headers=MINE).status_code == 201


def test_without_a_worker_nothing_is_stored(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url)
    answer = put(client, "a")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_worker")
    assert client.get("/label-sets").get_json() == {"label_sets": []}


FORGED: dict[str, Callable[[Redis], object]] = {
    "a list of another type": lambda redis: redis.hset("clip:label-sets:", "a", "[1, 2]"),
    "no JSON": lambda redis: redis.hset("clip:label-sets:", "a", b"\xff"),
    "a version that is none": lambda redis: redis.hset("clip:label-sets:", "a", '["../x", 1, 1]'),
    "a time without end": lambda redis: redis.hset("clip:label-sets:", "a", '["abc", 1, 1e300]'),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_list_breaks_nothing(client: FlaskClient, redis: Redis, name: str) -> None:
    put(client, "a")
    put(client, "b")
    FORGED[name](redis)
    assert [s["name"] for s in client.get("/label-sets").get_json()["label_sets"]] == ["b"]
    assert rank(client, label_set="a").status_code == 404
    assert put(client, "a").status_code == 200
    assert rank(client, label_set="a").status_code == 200


@pytest.mark.parametrize("value", [b"", b"\xff" * 7, b"\0" * 12])
@pytest.mark.parametrize("field", ["vectors", "about"])
def test_forged_embeddings_are_made_anew(
    client: FlaskClient, redis: Redis, field: str, value: bytes
) -> None:
    put(client, "a")
    [key] = redis.scan_iter("clip:label-vectors:*")
    before = redis.hget(key, field)
    redis.hset(key, field, value)
    answer = rank(client, label_set="a")
    assert [len(row) for row in answer.get_json()["probabilities"]] == [5, 5]
    assert redis.hget(key, field) == before


OTHER_CONTENT = b'{"items":[["text","x"]],"candidates":[0],"templates":1}'


@pytest.mark.parametrize("value", [b"", b"[]", OTHER_CONTENT])
def test_forged_content_is_not_encoded(client: FlaskClient, redis: Redis, value: bytes) -> None:
    put(client, "a")
    outdated(redis, client, "a")
    [key] = redis.scan_iter("clip:label-content:*")
    redis.hset(key, "content", value)
    answer = rank(client, label_set="a")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "job_lost")
