"""`metadata`: what a client attaches to a job comes back with it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.webhooks.outbox import Deliveries
from tests.api.request.test_forms import Parts, post
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.images import encoded, noise

ITEMS = [{"text": "a"}]
BODY = {"queries": ITEMS, "candidates": [{"text": "b"}]}
MINE = {"album": "summer", "größe": "10 × 15", "": "\u0000"}
LARGEST = {f"{number:064}": "y" * 512 for number in range(16)}
SECRET = f"whsec_{'A' * 32}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("e")) as deployment:
        yield deployment


@pytest.fixture
def client(deployment: Deployment, make_api: ClientMaker) -> FlaskClient:
    return make_api(redis_url=deployment.valkey.url, webhook_secret=SECRET)


def metadata_of(client: FlaskClient, answer: Any) -> Any:
    """That of a job in full, which is that of the job in a list."""
    assert answer.status_code == 202, answer.text
    found = client.get(answer.headers["Location"]).get_json()["metadata"]
    assert client.get("/jobs?limit=1").get_json()["jobs"][0]["metadata"] == found
    return found


@pytest.mark.parametrize("metadata", [MINE, LARGEST, {}])
def test_it_comes_back_with_the_job(client: FlaskClient, metadata: dict[str, str]) -> None:
    rank = client.post("/rank?wait=0", json={**BODY, "metadata": metadata})
    assert metadata_of(client, rank) == metadata


def test_where_the_body_is_an_array_it_is_a_parameter(client: FlaskClient) -> None:
    query = {"wait": 0, "metadata": json.dumps(MINE)}
    assert metadata_of(client, client.post("/encode", json=ITEMS, query_string=query)) == MINE
    assert metadata_of(client, client.post("/rank", json=BODY, query_string=query)) == MINE


@pytest.mark.parametrize("path", ["/rank?wait=0", "/encode?wait=0"])
def test_in_a_form_it_is_a_field(client: FlaskClient, path: str) -> None:
    parts: list[tuple[str, str | bytes]] = [("image", encoded(noise(8, 8)))]
    if path.startswith("/rank"):
        parts.append(("candidate", "a"))
    assert metadata_of(client, post(client, path, [*parts, ("metadata", json.dumps(MINE))])) == MINE


def test_a_job_without_any_has_none(client: FlaskClient) -> None:
    for body in (BODY, {**BODY, "metadata": None}):
        assert metadata_of(client, client.post("/rank?wait=0", json=body)) == {}


def test_webhooks_have_it(client: FlaskClient, deployment: Deployment) -> None:
    more = {"metadata": MINE, "callback_url": "https://example.org/"}
    answer = client.post("/rank?wait=0", json={**BODY, **more})
    client.get(answer.headers["Location"] + "?wait=30")
    with deployment.redis() as redis:
        delivery = Deliveries(redis).read(answer.headers["X-Job-Id"])
    assert delivery is not None
    assert json.loads(delivery.body("j"))["data"]["metadata"] == MINE


def test_a_synchronous_request_may_have_it(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.post("/rank", json={**BODY, "metadata": MINE})
        assert answer.status_code == 200
    assert "X-Job-Id" not in answer.headers


def test_it_is_part_of_what_an_idempotency_key_stands_for(client: FlaskClient) -> None:
    def status_with(**metadata: str) -> int:
        query = {"metadata": json.dumps(metadata)}
        headers = {"Idempotency-Key": "with metadata"}
        return client.post("/encode", json=ITEMS, query_string=query, headers=headers).status_code

    assert [status_with(a="1"), status_with(a="1"), status_with(a="2")] == [200, 200, 422]


@pytest.mark.parametrize(
    ("metadata", "code", "detail"),
    [
        ("album", "wrong_type", "must be an object"),
        ([MINE], "wrong_type", "must be an object"),
        ({str(key): "" for key in range(17)}, "too_many", "has 17 keys; the limit is 16"),
        ({"k" * 65: ""}, "text_too_long", "has a key of 65 characters; the limit is 64"),
        ({"album": "y" * 513}, "text_too_long", "has 513 characters at 'album'; the limit is 512"),
        ({"year": 2026}, "wrong_type", "must have a string at 'year'"),
        ({"year": None}, "wrong_type", "must have a string at 'year'"),
        ({"a": {"b": "c"}}, "wrong_type", "must have a string at 'a'"),
    ],
)
def test_what_is_none_is_refused(
    client: FlaskClient, metadata: Any, code: str, detail: str
) -> None:
    given = json.dumps(metadata)
    form: Parts = [
        ("image", encoded(noise(8, 8))),
        ("candidate", "a"),
        ("metadata", given),
    ]
    for answer in (
        client.post("/rank", json={**BODY, "metadata": metadata}),
        post(client, "/rank", form),
    ):
        assert answer.status_code == 422
        assert answer.get_json()["errors"] == [
            {"pointer": "/metadata", "code": code, "detail": detail}
        ]
    answer = client.post("/encode", json=ITEMS, query_string={"metadata": given})
    told = f"parameter metadata {detail}"
    assert answer.get_json()["errors"] == [{"pointer": "", "code": code, "detail": told}]
    assert answer.get_json()["detail"] == told


def test_a_parameter_that_is_no_json_is_refused(client: FlaskClient) -> None:
    for given in ("{", "", "album=summer"):
        answer = client.post("/encode", json=ITEMS, query_string={"metadata": given})
        assert answer.status_code == 422
        [error] = answer.get_json()["errors"]
        assert error["code"] == "not_json"
    answer = post(client, "/rank", [("image", b""), ("candidate", "a"), ("metadata", "{")])
    assert ("/metadata", "not_json") in [
        (each["pointer"], each["code"]) for each in answer.get_json()["errors"]
    ]


def test_it_is_given_once(client: FlaskClient) -> None:
    query = {"metadata": json.dumps(MINE)}
    answer = client.post("/rank", json={**BODY, "metadata": MINE}, query_string=query)
    assert [(e["pointer"], e["code"]) for e in answer.get_json()["errors"]] == [
        ("/metadata", "ambiguous_metadata")
    ]
