"""Label sets: stored once, ranked by often, and never encoded twice."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.image_server import ImageServer
from tests.images import blob, encoded, image_item, noise

LABELS = [{"text": "x" * number} for number in range(1, 6)]
SAMPLES = [image_item(seed) for seed in range(2)]
BAD_IMAGE = blob(b"not an image")
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
    return client.post("/rank", json={"queries": SAMPLES, **body})


def test_a_set_is_put_looked_at_listed_and_forgotten(client: FlaskClient) -> None:
    answer = put(client, "clothes.v-1_x")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/label-sets/clothes.v-1_x"
    document = answer.get_json()
    assert list(document) == [
        *("name", "version", "count", "created_at"),
        *("labels", "templates", "candidates", "alpha", "models"),
    ]
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


@pytest.mark.parametrize("templates", [None, ["{}"], ["a {} here"], ["a {}", "the {}"]])
@pytest.mark.parametrize("alpha", ["drop", "white"])
def test_a_set_gives_back_what_was_put(client: FlaskClient, templates: Any, alpha: str) -> None:
    cat = {"text": "cat"}
    document = put(client, "a", [cat, SAMPLES[0], cat], templates=templates, alpha=alpha).get_json()
    assert document["labels"] == ["cat", None, "cat"]
    assert document["candidates"] == [cat, {"img_blob": None}, cat]
    assert document["templates"] == (templates or [])
    assert document["alpha"] == alpha
    assert client.get("/label-sets/a").get_json() == document


@pytest.mark.parametrize("prompts", [{}, {"template": "a {}"}, {"templates": ["a {}", "the {}"]}])
def test_what_is_given_back_may_be_put_again(
    client: FlaskClient, image_server: ImageServer, prompts: Any
) -> None:
    link = image_server.serve(encoded(noise(60, 40)))
    first = put(client, "a", [*LABELS, {"img_uri": link}], alpha="black", **prompts).get_json()
    labels = first["labels"]
    body = {key: first[key] for key in ("candidates", "templates", "alpha")}
    again = client.put("/label-sets/a", json=body)
    assert (again.status_code, again.get_json()) == (200, first)
    body["candidates"] += [{"text": "one more"}]
    changed = client.put("/label-sets/a", json=body)
    assert changed.get_json()["labels"] == [*labels, "one more"]


def test_the_set_of_an_earlier_release_is_given_back_as_far_as_it_is_known(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", template="a {}")
    [key] = redis.scan_iter("clip:label-content:*")
    content = orjson.loads(redis.hget(key, "content") or b"")
    del content["template"]
    redis.hset(key, "content", orjson.dumps(content))
    document = client.get("/label-sets/a").get_json()
    assert document["labels"] == [f"a {label['text']}" for label in LABELS]
    assert document["templates"] == []
    assert rank(client, label_set="a").status_code == 200


def test_a_candidate_that_is_a_link_is_called_by_it(
    client: FlaskClient, image_server: ImageServer
) -> None:
    link = image_server.serve(encoded(noise(60, 40)))
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
        {"candidates": SAMPLES},
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
    candidates = [*LABELS, SAMPLES[1], LABELS[0]]
    version = put(client, "a", candidates, templates=templates).get_json()["version"]
    by_set = rank(client, label_set="a", **options)
    plain = rank(client, candidates=candidates, templates=templates, **options)
    assert (by_set.status_code, plain.status_code) == (200, 200)
    assert by_set.data == plain.data
    assert by_set.headers["X-Label-Set"] == f"a@{version}"
    assert "X-Label-Set" not in plain.headers


def test_a_job_has_its_version_and_keeps_it(client: FlaskClient, redis: Redis) -> None:
    version = put(client, "a").get_json()["version"]
    body = {"queries": SAMPLES, "label_set": "a"}
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


def test_a_truncated_text_is_reported(client: FlaskClient) -> None:
    answer = put(client, "a", [{"text": "a"}, {"text": "x" * 99}], templates=["{}", "{}a"])
    assert answer.headers["X-Truncated-Texts"] == "1"


def test_content_that_was_lost_may_be_put_again(client: FlaskClient, redis: Redis) -> None:
    put(client, "a")
    for key in redis.scan_iter("clip:label-[cmv]*"):
        redis.delete(key)
    lost = client.get("/label-sets/a").get_json()
    assert (lost["count"], lost["labels"], lost["candidates"], lost["models"]) == (5, [], [], [])
    answer = rank(client, label_set="a")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "job_lost")
    assert put(client, "a").get_json()["models"] == [{"name": "fake", "revision": "main"}]
    assert rank(client, label_set="a").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "wrong_type"),
        ({}, "/candidates", "missing"),
        ({"candidates": []}, "/candidates", "too_few"),
        ({"candidates": None}, "/candidates", "wrong_type"),
        ({"candidates": LABELS, "queries": LABELS}, "/queries", "unknown_key"),
        ({"candidates": LABELS, "template": "a"}, "/template", "invalid_template"),
        ({"candidates": [LABELS[0], BAD_IMAGE]}, "/candidates/1/img_blob", "not_an_image"),
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


def test_a_set_that_is_not_there_is_reported(client: FlaskClient) -> None:
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
    body = {"queries": SAMPLES, "label_set": "mine"}
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


def test_the_default_background_is_no_part_of_a_set_of_texts(
    client: FlaskClient, deployment: Deployment, make_api: ClientMaker
) -> None:
    document = put(client, "texts", LABELS).get_json()
    again = put(make_api(redis_url=deployment.valkey.url, alpha="white"), "texts", LABELS)
    assert again.status_code == 200
    assert again.get_json() == document


def test_a_set_whose_content_is_inconsistent_counts_as_lost(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "a", LABELS)
    [content] = redis.scan_iter("clip:label-content:*")
    redis.hset(content, "content", b'{"items":[["text","x"]],"candidates":[0,1],"templates":[]}')
    assert client.get("/label-sets/a").get_json()["labels"] == []
