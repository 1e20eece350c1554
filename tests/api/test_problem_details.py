"""All errors have one shape, whatever raises them."""

import json

import pytest
from flask import Flask

from api import problem_details
from api.errors import InternalError, NoWorker
from tests.conftest import ClientMaker
from tests.processes import Api


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/rank", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_refusals_of_the_framework_have_our_shape(
    service: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = service.session.request(method, service.url + path, timeout=10)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert (problem["status"], problem["code"]) == (status, code)
    if status == 405:
        assert "Allow" in answer.headers


def test_an_unknown_path_is_named_and_points_to_docs(
    service: Api, make_client: ClientMaker
) -> None:
    assert service.get("/nothing").json()["detail"] == "there is no /nothing; /docs lists the paths"
    for path in ("/v1/chat/completions", "/v2/v2/embed"):
        told = service.post(path, {}).text
        assert f"Not found: there is no {path}; /docs lists the paths" in told
    behind = make_client(trusted_proxies=1)
    told = behind.get("/" + "a" * 300, headers={"X-Forwarded-Prefix": "/clip"}).get_json()
    assert told["detail"] == f"there is no /clip/{'a' * 199}; /clip/docs lists the paths"


def test_a_bug_is_reported_by_number_without_internals(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = Flask("buggy")
    problem_details.register(app)

    @app.get("/bug")
    def bug() -> str:
        raise RuntimeError("a secret of the inside")

    answer = app.test_client().get("/bug")
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    incident = answer.get_json()["detail"].split()[-1]
    assert incident in capsys.readouterr().out


def test_unavailable_says_when_to_come_back() -> None:
    app = Flask("x")
    with app.app_context():
        answer = problem_details.answer_clip_error(NoWorker(retry_after_s=7))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


def test_internal_errors_are_500() -> None:
    answer = problem_details.answer_clip_error(InternalError())
    assert json.loads(answer.data)["status"] == answer.status_code == 500


def test_request_ids_are_taken_or_made(make_client: ClientMaker) -> None:
    client = make_client()
    given = client.get("/healthz", headers={"X-Request-Id": "my-id-1"})
    assert given.headers["X-Request-Id"] == "my-id-1"
    made = client.get("/healthz").headers["X-Request-Id"]
    assert made
    assert made != client.get("/healthz").headers["X-Request-Id"]


@pytest.mark.parametrize("nonsense", ["has space", "x" * 500, "<script>"])
def test_a_request_id_that_could_hurt_a_log_is_replaced(
    make_client: ClientMaker, nonsense: str
) -> None:
    answer = make_client().get("/healthz", headers={"X-Request-Id": nonsense})
    assert answer.headers["X-Request-Id"] != nonsense
