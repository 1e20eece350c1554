"""Every JSON answer ends with one newline, so that a terminal's prompt has its own line."""

import json

import pytest
import requests

from tests.conftest import ClientMaker
from tests.processes import Api
from tests.raw_http import RawConnection

TEXTS = [{"text": f"text {number}"} for number in range(300)]
RANK = {"queries": TEXTS[:1], "candidates": TEXTS[1:3]}
LONG = {"queries": TEXTS, "candidates": TEXTS}


def check(answer: requests.Response) -> None:
    assert answer.headers["Content-Type"] in ("application/json", "application/problem+json")
    assert answer.content.endswith(b"\n")
    assert answer.content.count(b"\n") == 1
    json.loads(answer.content)
    if "Content-Length" in answer.headers:
        assert int(answer.headers["Content-Length"]) == len(answer.content)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/rank", RANK, 200),
        ("POST", "/rank", LONG, 200),
        ("POST", "/encode", TEXTS[:1], 200),
        ("POST", "/encode", TEXTS, 200),
        ("POST", "/encode?wait=0", TEXTS[:1], 202),
        ("PUT", "/label-sets/newline", {"candidates": TEXTS[:1]}, 201),
        ("GET", "/label-sets/newline", None, 200),
        ("GET", "/label-sets", None, 200),
        ("GET", "/jobs", None, 200),
        ("GET", "/workers", None, 200),
        ("GET", "/models", None, 200),
        ("GET", "/healthz", None, 200),
        ("GET", "/readyz", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("POST", "/rank", {}, 422),
        ("GET", "/nothing", None, 404),
        ("GET", "/rank", None, 405),
    ],
)
def test_it_ends_with_one_newline(
    service: Api, method: str, path: str, body: object, status: int
) -> None:
    answer = service.session.request(method, service.url + path, json=body, timeout=60)
    assert answer.status_code == status
    check(answer)


def test_a_job_and_its_result_end_with_a_newline(service: Api) -> None:
    for body in (RANK, LONG):
        job = service.post("/rank?wait=0", body).headers["Location"]
        answer = service.get(f"{job}?wait=60")
        assert answer.json()["status"] == "done"
        check(answer)


def test_an_error_of_the_http_server_ends_with_a_newline(service: Api) -> None:
    with RawConnection(service.url) as connection:
        connection.send(b"GET\r\n\r\n")
        answer = connection.receive()
    assert answer is not None
    assert answer.body.endswith(b"}\n")
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_the_document_behind_a_proxy_ends_with_a_newline(make_api: ClientMaker) -> None:
    assert make_api(trusted_proxies=1).get("/openapi.json").data.endswith(b"}\n")


def test_an_answer_without_a_body_has_no_newline(service: Api) -> None:
    job = service.post("/encode?wait=0", TEXTS[:1]).headers["Location"]
    answer = service.session.delete(service.url + job, timeout=60)
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.session.head(f"{service.url}/healthz", timeout=60).content == b""
