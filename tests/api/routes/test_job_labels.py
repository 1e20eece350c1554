"""A job remembers the labels of its result's columns."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.ledger.reads import job_key
from tests.api.routes.test_label_sets import put
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.images import image_item

QUERY = {"text": "a"}
CAT, DOG = {"text": "cat"}, {"text": "dog"}
IMAGE = image_item(1)
URL = "https://example.org/a.png"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("b")) as deployment:
        yield deployment


@pytest.fixture
def redis(deployment: Deployment) -> Iterator[Redis]:
    with deployment.redis() as client:
        yield client


@pytest.fixture
def client(deployment: Deployment, make_api: ClientMaker) -> FlaskClient:
    return make_api(redis_url=deployment.valkey.url, max_candidates=20_000)


def job_of(client: FlaskClient, candidates: Any = (), **body: Any) -> Any:
    """The document of an asynchronous job, once it has ended."""
    given = {"candidates": candidates} if candidates else {}
    answer = client.post("/rank?wait=0", json={"queries": [QUERY], **given, **body})
    assert answer.status_code == 202, answer.text
    return client.get(answer.headers["Location"] + "?wait=30").get_json()


@pytest.mark.parametrize("templates", [[], ["{}"], ["a {} here"], ["a {}", "the {}"]])
def test_they_are_the_texts_as_they_were_sent(client: FlaskClient, templates: list[str]) -> None:
    job = job_of(client, [CAT, IMAGE, DOG, CAT], templates=templates)
    assert job["labels"] == ["cat", None, "dog", "cat"]
    assert [len(row) for row in job["result"]["probabilities"]] == [4]


def test_an_image_is_called_by_its_url(client: FlaskClient) -> None:
    inline = {"img_uri": f"data:image/png;base64,{IMAGE['img_blob']}"}
    assert job_of(client, [{"img_uri": URL}, inline, CAT])["labels"] == [URL, None, "cat"]


def test_a_job_that_was_sent_with_a_label_set_has_those_of_its_version(
    client: FlaskClient, redis: Redis
) -> None:
    put(client, "pets", [CAT, DOG], template="a {}")
    answer = client.post("/rank?wait=0", json={"queries": [QUERY], "label_set": "pets"})
    put(client, "pets", [CAT])
    job = client.get(answer.headers["Location"] + "?wait=30").get_json()
    assert job["labels"] == ["cat", "dog"]
    assert redis.hget(job_key(job["id"]), "labels") is None
    for key in redis.scan_iter("clip:label-content:*"):
        redis.delete(key)
    assert client.get(f"/jobs/{job['id']}").get_json()["labels"] is None


def test_lists_and_other_kinds_have_none(client: FlaskClient) -> None:
    job_of(client, [CAT])
    [listed] = client.get("/jobs?limit=1").get_json()["jobs"]
    assert "labels" not in listed
    location = client.post("/encode?wait=0", json=[CAT]).headers["Location"]
    assert "labels" not in client.get(location).get_json()


def test_a_synchronous_request_that_made_a_job_has_them(client: FlaskClient) -> None:
    body = {"queries": [QUERY], "candidates": [DOG]}
    answer = client.post("/rank", json=body, headers={"Idempotency-Key": "labels"})
    assert client.get(f"/jobs/{answer.headers['X-Job-Id']}").get_json()["labels"] == ["dog"]


def test_ten_thousand_take_little_room_and_go_with_the_job(
    client: FlaskClient, redis: Redis
) -> None:
    labels = [f"label number {number} of many" for number in range(10_000)]
    job = job_of(client, [{"text": label} for label in labels])
    assert job["labels"] == labels
    assert len(redis.hget(job_key(job["id"]), "labels") or b"") < 50_000
    client.delete(f"/jobs/{job['id']}")
    assert not list(redis.scan_iter(f"*{job['id']}*"))


def test_megabytes_of_them_are_not_kept(client: FlaskClient, redis: Redis) -> None:
    job = job_of(client, [{"text": f"{number:x>1000}"} for number in range(2_200)])
    assert job["status"] == "done"
    assert job["labels"] is None
    assert redis.hget(job_key(job["id"]), "labels") is None


def test_a_record_of_them_that_does_not_parse_is_as_none(client: FlaskClient, redis: Redis) -> None:
    job = job_of(client, [CAT])
    for broken in (b"", b"no labels", b"x\x9c"):
        redis.hset(job_key(job["id"]), "labels", broken)
        assert client.get(f"/jobs/{job['id']}").get_json()["labels"] is None
