"""What a small request may cost: the factors of docs/security.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from tests.faults.crowd import Crowd
from tests.faults.deployment import Deployment, deployed
from tests.faults.peaks import Peaks
from tests.processes import Api, start_api, wait_until
from tests.raw_http import json_request

MAX_GROWTH_MB = 100
HONEST = [f"{number} {{}}".ljust(96, "x") for number in range(10)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("w")) as deployment:
        yield deployment


def candidates(count: int, chars: int) -> list[dict[str, str]]:
    return [{"text": f"{number:04d}".ljust(chars, "x")} for number in range(count)]


def templates(count: int, chars: int) -> list[str]:
    return [f"{number}{{}}".ljust(chars, "x") for number in range(count)]


ATTACKS: dict[str, tuple[dict[str, Any], str, int]] = {
    "496 KB": (
        {"candidates": candidates(1000, 270), "templates": templates(10, 19_700)},
        "/templates",
        497,
    ),
    "36 KB": (
        {"candidates": candidates(1000, 4), "template": "x" * 16_000 + "{}"},
        "/template",
        36,
    ),
    "76 KB": (
        {"candidates": candidates(1000, 4), "templates": templates(3, 19_500)},
        "/templates",
        78,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_small_request_that_makes_much_text_is_refused_before_it_is_made(
    deployment: Deployment, name: str
) -> None:
    body, pointer, kilobytes = ATTACKS[name]
    assert len(orjson.dumps(body)) // 1000 <= kilobytes
    peaks = Peaks(deployment)
    ranked = deployment.api.post("/rank", {"queries": [{"text": "q"}], **body})
    stored = deployment.api.put("/label-sets/a", body)
    for answer in (ranked, stored):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == (pointer, "too_many")
        assert "the limit is 1000000" in error["detail"]
    grown = peaks.grown_mb()
    assert max(grown.values()) < MAX_GROWTH_MB / 4, grown


def test_ten_thousand_prompts_of_a_hundred_characters_cost_little(deployment: Deployment) -> None:
    body = {"queries": [{"text": "q"}], "candidates": candidates(1000, 6), "templates": HONEST}
    peaks = Peaks(deployment)
    assert deployment.api.post("/rank", body).status_code == 200
    grown = peaks.grown_mb()
    assert grown["worker"] < MAX_GROWTH_MB, grown
    assert max(grown["api"], grown["redis"]) < MAX_GROWTH_MB / 16, grown


def test_long_candidates_that_templates_hardly_lengthen_are_no_attack(
    deployment: Deployment,
) -> None:
    body = {
        "queries": [{"text": "q"}],
        "candidates": candidates(100, 19_000),
        "template": "a photo of a {}",
    }
    assert deployment.api.post("/rank", body).status_code == 200


def large_answer(mark: str) -> bytes:
    """The body of a request of 32 KB whose answer has 18 MB."""
    texts = [{"text": f"{mark}{number}"} for number in range(1000)]
    return orjson.dumps({"queries": texts, "candidates": texts})


def test_clients_that_do_not_read_large_answers(deployment: Deployment) -> None:
    body = large_answer("a")
    peaks = Peaks(deployment)
    with Crowd(deployment.api.url, 20) as crowd:
        crowd.send(json_request("/rank", body))
        answers = crowd.answers(60)
    assert [each.status for each in answers] == [200] * 20
    grown = peaks.grown_mb()
    assert grown["api"] < 1.5 * MAX_GROWTH_MB, grown


@pytest.fixture
def forgetful(deployment: Deployment, tmp_path: Path) -> Iterator[Api]:
    """An API that keeps the results of synchronous requests for a second, in many parts."""
    api = start_api(tmp_path, deployment.valkey.url, sync_result_ttl_s=1, part_queries=1)
    yield api
    api.stop()


def test_a_slow_client_gets_all_of_a_result_that_is_gone(
    deployment: Deployment, forgetful: Api
) -> None:
    json = {"Content-Type": "application/json"}
    with (
        requests.post(
            f"{forgetful.url}/rank", large_answer("b"), headers=json, stream=True, timeout=60
        ) as answer,
        deployment.redis() as redis,
    ):
        parts = f"clip:part:{answer.headers['X-Job-Id']}:*"
        wait_until(lambda: not list(redis.scan_iter(parts)), "the results are gone")
        for matrix in answer.json().values():
            assert [len(row) for row in matrix] == [1000] * 1000
