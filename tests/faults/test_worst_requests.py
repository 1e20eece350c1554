"""The maximum cost of the worst requests: the table in docs/security.md."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from tests.faults.crowd import Crowd
from tests.faults.deployment import Deployment, deployed
from tests.faults.peaks import Peaks
from tests.processes import ROOT, Api, start_api, wait_until
from tests.raw_http import json_request

HONEST = [f"{number} {{}}".ljust(96, "x") for number in range(10)]
QUERY = {"queries": [{"text": "q"}]}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("w")) as deployment:
        yield deployment


def candidates(count: int, chars: int, mark: str = "") -> list[dict[str, str]]:
    return [{"text": f"{mark}{number:04d}".ljust(chars, "x")} for number in range(count)]


def rank_at_once(deployment: Deployment, bodies: Sequence[Mapping[str, Any]]) -> list[int]:
    """The status of each answer."""

    def rank(body: Mapping[str, Any]) -> int:
        url, headers = f"{deployment.api.url}/rank", {"Content-Type": "application/json"}
        return requests.post(url, orjson.dumps(body), headers=headers, timeout=120).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(rank, bodies))


def check(grown_mb: Mapping[str, float], **most_mb: float) -> None:
    assert all(grown_mb[name] < most for name, most in most_mb.items()), (grown_mb, most_mb)


def templates(count: int, chars: int) -> list[str]:
    return [f"{number}{{}}".ljust(chars, "x") for number in range(count)]


ATTACKS: dict[str, tuple[dict[str, Any], str, int]] = {
    "479 KB": (
        {"candidates": candidates(1000, 270), "templates": templates(10, 19_700)},
        "/templates",
        479,
    ),
    "32 KB": (
        {"candidates": candidates(1000, 4), "template": "x" * 16_000 + "{}"},
        "/template",
        32,
    ),
    "75 KB": (
        {"candidates": candidates(1000, 4), "templates": templates(3, 19_500)},
        "/templates",
        75,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_much_text_made_of_little_is_refused(deployment: Deployment, name: str) -> None:
    body, pointer, kilobytes = ATTACKS[name]
    assert len(orjson.dumps(QUERY | body)) <= 1000 * kilobytes + 1000
    peaks = Peaks(deployment)
    ranked = deployment.api.post("/rank", QUERY | body)
    stored = deployment.api.put("/label-sets/a", body)
    for answer in (ranked, stored):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == (pointer, "too_many")
        assert "the limit is 1000000" in error["detail"]
    check(peaks.grown_mb(), api=15, redis=5, worker=5)


def test_each_row_of_the_table_names_a_test_of_this_file() -> None:
    document = (ROOT / "docs" / "security.md").read_text()
    table = document.partition("| request | body |")[2].partition("\n\n")[0]
    named = [row.split("|")[-2].strip(" `") for row in table.splitlines()[2:]]
    assert len(named) >= 9
    assert all(name == "the same" or f"test_{name}" in globals() for name in named), named


def test_eight_refused_requests_at_once(deployment: Deployment) -> None:
    body, _, _ = ATTACKS["32 KB"]
    peaks = Peaks(deployment)
    assert rank_at_once(deployment, [QUERY | body] * 8) == [422] * 8
    check(peaks.grown_mb(), api=15, redis=5, worker=5)


def ten_thousand_prompts(mark: str = "") -> dict[str, Any]:
    return QUERY | {"candidates": candidates(1000, 6, mark), "templates": HONEST}


def test_ten_thousand_prompts(deployment: Deployment) -> None:
    peaks = Peaks(deployment)
    assert rank_at_once(deployment, [ten_thousand_prompts()]) == [200]
    check(peaks.grown_mb(), api=10, redis=6, worker=10)


def test_six_requests_of_ten_thousand_prompts_at_once(deployment: Deployment) -> None:
    peaks = Peaks(deployment)
    statuses = rank_at_once(deployment, [ten_thousand_prompts(mark) for mark in "abcdef"])
    assert 200 in statuses
    assert set(statuses) <= {200, 503}, "beyond CLIP_MAX_OPEN_ITEMS"
    check(peaks.grown_mb(), api=15, redis=10, worker=15)


def test_long_candidates_that_templates_hardly_lengthen_are_no_attack(
    deployment: Deployment,
) -> None:
    body = {"candidates": candidates(100, 19_000), "template": "a photo of a {}"}
    assert deployment.api.post("/rank", QUERY | body).status_code == 200


def large_answer(mark: str) -> bytes:
    """The body of a request of 32 KB whose answer has 18 MB."""
    texts = [{"text": f"{mark}{number}"} for number in range(1000)]
    return orjson.dumps({"queries": texts, "candidates": texts})


def test_forty_clients_that_do_not_read_large_answers(deployment: Deployment) -> None:
    body = large_answer("a")
    assert rank_at_once(deployment, [orjson.loads(body)]) == [200]
    peaks = Peaks(deployment)
    with Crowd(deployment.api.url, 40) as crowd:
        crowd.send(json_request("/rank", body))
        answers = crowd.answers(60)
    assert [each.status for each in answers] == [200] * 40
    check(peaks.grown_mb(), api=450, redis=10, worker=10)


def twenty_megabytes(mark: str = "") -> dict[str, Any]:
    return QUERY | {"candidates": candidates(1000, 20_000, mark)}


def test_twenty_megabytes_of_texts(deployment: Deployment) -> None:
    peaks = Peaks(deployment)
    assert rank_at_once(deployment, [twenty_megabytes()]) == [200]
    check(peaks.grown_mb(), api=160, redis=160, worker=60)


def test_four_times_twenty_megabytes_of_texts_at_once(deployment: Deployment) -> None:
    peaks = Peaks(deployment)
    statuses = rank_at_once(deployment, [twenty_megabytes(mark) for mark in "abcd"])
    assert set(statuses) <= {200, 503, 504}
    check(peaks.grown_mb(), api=600, redis=400, worker=200)


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
