"""Pages of other origins: refused by browsers unless the operator names them."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.settings import ApiSettings
from common.settings import read
from tests.conftest import ClientMaker

PAGE, OTHER = "https://page.example", "http://localhost:5173"
KEY = "a-key-0123456789abcdef"
SENT = ("Content-Type", "Authorization", "X-API-Key", "Idempotency-Key", "Prefer", "X-Request-Id")
READ = (
    *("Location", "Retry-After", "X-Job-Id", "X-Request-Id"),
    *("X-Transparent-Images", "X-Truncated-Texts"),
    *("Preference-Applied", "Server-Timing", "RateLimit", "RateLimit-Policy", "X-Label-Set"),
)


def preflight(client: FlaskClient, origin: str, path: str = "/rank") -> TestResponse:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join((*SENT, "X-Odd")),
    }
    return client.options(path, headers=asked)


def words(answer: TestResponse, header: str) -> set[str]:
    return {word.strip() for word in answer.headers[header].split(",")}


def cors_headers(answer: TestResponse) -> set[str]:
    return {name for name, _ in answer.headers if name.startswith("Access-Control-")}


@pytest.fixture
def client(make_api: ClientMaker, redis_url: str) -> FlaskClient:
    return make_api(redis_url=redis_url, cors_origins=f"{PAGE}, {OTHER}", api_keys=KEY)


@pytest.mark.parametrize("origin", [PAGE, OTHER])
def test_a_named_origin_may_ask_before_it_has_a_key(client: FlaskClient, origin: str) -> None:
    answer = preflight(client, origin)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert words(answer, "Access-Control-Allow-Headers") == set(SENT)
    assert {"GET", "POST", "PUT", "DELETE"} <= words(answer, "Access-Control-Allow-Methods")


def test_it_reads_what_it_needs_of_results_and_refusals(client: FlaskClient) -> None:
    for headers, status in (({"X-API-Key": KEY}, 200), ({}, 401)):
        answer = client.get("/jobs", headers={"Origin": PAGE, **headers})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert words(answer, "Access-Control-Expose-Headers") == set(READ)
        assert "Origin" in answer.vary


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://page.example.evil.example", "http://page.example", "null"],
)
def test_another_origin_gets_no_headers(client: FlaskClient, origin: str) -> None:
    assert cors_headers(preflight(client, origin)) == set()
    answer = client.get("/jobs", headers={"Origin": origin, "X-API-Key": KEY})
    assert cors_headers(answer) == set()


def test_a_star_is_every_origin_without_its_cookies(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, cors_origins="*")
    for answer in (
        preflight(client, "https://any.example"),
        client.get("/jobs", headers={"Origin": "https://any.example"}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_it_is_off_unless_asked_for(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url)
    assert cors_headers(preflight(client, PAGE)) == set()
    assert cors_headers(client.get("/jobs", headers={"Origin": PAGE})) == set()


@pytest.mark.parametrize(
    "value",
    ["page.example", "https://*.example", "https://page.example/", "null", "https://a.b https://"],
)
def test_what_is_no_origin_ends_the_process_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("CLIP_CORS_ORIGINS", value)
    with pytest.raises(SystemExit):
        read(ApiSettings)
    assert capsys.readouterr().err.startswith("CLIP_CORS_ORIGINS: ")


def test_an_origin_is_no_pattern(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, cors_origins="https://a.example")
    assert cors_headers(preflight(client, "https://axexample")) == set()
    assert cors_headers(preflight(client, "https://a.example.evil")) == set()
