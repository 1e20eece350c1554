"""The headers of every answer, through the server that is deployed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import ClientMaker
from tests.processes import Api, start_api

KEY = "a-key-0123456789abcdef"
PAGE = "https://page.example"


@pytest.fixture(scope="module")
def guarded(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    """Two API processes with everything in force, and no worker."""
    api = start_api(
        folder,
        redis_url_of_its_own,
        api_processes=2,
        host="0.0.0.0",
        api_keys=KEY,
        rate_limit="100 per minute; 1000 per day",
        cors_origins=PAGE,
    )
    yield api
    api.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("GET", "/jobs", 200),
        ("HEAD", "/jobs", 200),
        ("POST", "/rank", 415),
        ("GET", "/jobs/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/rank", 405),
        ("OPTIONS", "/rank", 200),
    ],
)
def test_no_answer_is_sniffed_or_reveals_a_version(
    guarded: Api, method: str, path: str, status: int
) -> None:
    headers = {"X-API-Key": KEY}
    answer = requests.request(method, guarded.url + path, headers=headers, timeout=10)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers.get("Server", "gunicorn") == "gunicorn"
    told = " ".join(answer.headers.values()).lower()
    assert not {"werkzeug", "python", "flask"} & set(told.replace("/", " ").split())


def test_a_browser_reads_what_it_needs(guarded: Api) -> None:
    headers = {"Origin": PAGE, "Authorization": f"Bearer {KEY}"}
    answer = requests.get(f"{guarded.url}/jobs", headers=headers, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["RateLimit-Policy"] == '"default";q=100;w=60, "default-2";q=1000;w=86400'
    assert answer.headers["RateLimit"].count("r=") == 2


def test_a_refusal_says_how_to_come_in(guarded: Api) -> None:
    answer = requests.get(f"{guarded.url}/jobs", timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_with_keys_there_is_no_warning(guarded: Api) -> None:
    assert "CLIP_API_KEYS" not in guarded.process.log


def test_a_service_open_to_others_says_so_once(folder: Path, redis_url_of_its_own: str) -> None:
    api = start_api(folder, redis_url_of_its_own, api_processes=2, host="0.0.0.0")
    api.stop()
    assert api.process.log.count("needs no API key") == 1


def test_on_loopback_there_is_no_warning(service: Api) -> None:
    assert "CLIP_API_KEYS" not in service.process.log


def test_errors_made_in_this_process_are_not_sniffed(make_api: ClientMaker) -> None:
    answer = make_api(redis_url="redis://127.0.0.1:1/0").get("/jobs")
    assert answer.status_code == 503
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
