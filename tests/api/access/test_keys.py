"""API keys: which routes need one, and how a client sends it."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.openapi.operation import operation_of
from tests.conftest import ClientMaker

KEY, OTHER = "a-key-0123456789abcdef", "another-key-0123456789"
CLOSED = [
    ("POST", "/rank"),
    ("POST", "/encode"),
    ("GET", "/jobs"),
    ("GET", "/jobs/any"),
    ("POST", "/jobs/any/cancel"),
    ("DELETE", "/jobs/any"),
    ("GET", "/label-sets"),
    ("GET", "/label-sets/any"),
    ("PUT", "/label-sets/any"),
    ("DELETE", "/label-sets/any"),
    ("GET", "/workers"),
    ("GET", "/models"),
    ("GET", "/metrics"),
]


@pytest.fixture
def client(make_api: ClientMaker, redis_url: str) -> FlaskClient:
    return make_api(redis_url=redis_url, api_keys=f"{KEY}, {OTHER}")


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_missing_and_a_wrong_key_get_the_same_answer(
    client: FlaskClient, method: str, path: str
) -> None:
    wrong = [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": f"{KEY},{OTHER}"},
        {"X-API-Key": "schl\u00fcssel"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Basic " + base64.b64encode(f"{KEY}:wrong".encode()).decode()},
    ]
    answers = [client.open(path, method=method, headers=headers) for headers in wrong]
    assert len({answer.data for answer in answers}) == 1
    for answer in answers:
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answers[0].get_json()["code"] == "unauthorized"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"X-API-Key": OTHER},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {OTHER} "},
        {"Authorization": "Basic " + base64.b64encode(f"any:{KEY}".encode()).decode()},
        {"Authorization": "Basic of-a-proxy-in-front", "X-API-Key": KEY},
    ],
)
def test_each_key_opens_in_each_way(client: FlaskClient, headers: dict[str, str]) -> None:
    for path in ("/jobs", "/workers"):
        assert client.get(path, headers=headers).status_code == 200


def test_a_key_of_padded_base64_is_taken_as_bearer(make_api: ClientMaker, redis_url: str) -> None:
    key = "c2VjcmV0+a/b=c==secret"
    client = make_api(redis_url=redis_url, api_keys=key)
    assert client.get("/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200


OPEN = [
    "/ping",
    "/.well-known/live",
    "/.well-known/ready",
    "/health",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/any",
    "/",
    "/playground/any",
]


@pytest.mark.parametrize("path", OPEN)
def test_health_contract_and_page_need_no_key(client: FlaskClient, path: str) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}):
        assert client.get(path, headers=headers, buffered=True).status_code != 401


def is_of_dialect(view: Callable[..., Any]) -> bool:
    operation = operation_of(view)
    return operation is not None and operation.dialect is not None


def test_every_other_route_needs_one(client: FlaskClient) -> None:
    """Those of dialects, whose errors have shapes of their own, are in test_openapi."""
    app = client.application
    closed = {
        (method, re.sub("<.+>", "any", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
        if not is_of_dialect(app.view_functions[rule.endpoint])
    }
    assert closed - {("GET", path) for path in OPEN} == set(CLOSED)


def test_an_unknown_path_reveals_nothing_about_a_key(client: FlaskClient) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": KEY}):
        assert client.get("/nothing", headers=headers).status_code == 404
        assert client.get("/rank", headers=headers).status_code == 405


def test_what_a_route_allows_is_told_without_a_key(client: FlaskClient) -> None:
    assert client.options("/rank").status_code == 200


def test_without_keys_every_client_is_served(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url)
    assert client.get("/jobs").status_code == 200
    assert client.get("/jobs", headers={"X-API-Key": "whatever"}).status_code == 200


def test_the_log_distinguishes_owners_and_has_no_key(
    client: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = "a-wrong-key-0123"
    for headers in ({"X-API-Key": KEY}, {"X-API-Key": OTHER}, {"Authorization": f"Bearer {wrong}"}):
        client.get("/jobs", headers=headers)
    told = capfd.readouterr()
    owners = re.findall(r"owner\S*[=:]\s?\S*?([0-9a-f]{16})\b", told.out + told.err)
    assert len(set(owners)) == 2
    for key in (KEY, OTHER, wrong):
        assert key not in told.out + told.err
