import pytest

from tests.conftest import ClientMaker
from tests.processes import Api

NOWHERE = "redis://127.0.0.1:1/0"


def test_the_process_lives(service: Api) -> None:
    answer = service.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_ready_with_a_live_worker(service: Api) -> None:
    answer = service.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["redis"], body["workers"]) == ("ready", True, 1)
    assert len(body["models"]) == 1


def test_it_is_not_ready_without_a_worker(make_api: ClientMaker, redis_url: str) -> None:
    answer = make_api(redis_url=redis_url).get("/readyz")
    assert answer.status_code == 503
    body = answer.get_json()
    assert body.pop("status") == "not_ready"
    assert body == {
        "redis": True,
        "workers": 0,
        "models": [],
        "models_without_worker": [],
        "conflicting_models": [],
    }


def test_it_is_not_ready_without_redis_but_lives(make_api: ClientMaker) -> None:
    answer = make_api(redis_url=NOWHERE).get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["redis"] is False
    assert make_api(redis_url=NOWHERE).get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/rank", "/encode"])
def test_without_a_worker_a_request_is_refused_at_once(
    make_api: ClientMaker, redis_url: str, path: str
) -> None:
    item = {"text": "a"}
    body = [item] if path == "/encode" else {"queries": [item], "candidates": [item]}
    answer = make_api(redis_url=redis_url).post(path, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_worker")
    assert "Retry-After" in answer.headers


def test_without_redis_a_request_is_refused_at_once(make_api: ClientMaker) -> None:
    answer = make_api(redis_url=NOWHERE).post("/encode", json=[{"text": "a"}])
    assert (answer.status_code, answer.get_json()["code"]) == (503, "broker_away")
    assert "Retry-After" in answer.headers
