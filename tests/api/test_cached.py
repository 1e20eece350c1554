"""The whole service: what was asked before is answered alike, and the model is not run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pictures import picture_item
from tests.processes import (
    DEMO_MODEL,
    LOOPBACK_ALLOWED,
    Api,
    Process,
    start,
    start_api,
    wait_for_workers,
    wait_until,
)

PICTURES = [picture_item(seed) for seed in range(3)]
LABELS = [{"text": word} for word in ("a hat", "a shirt", "word " * 200)]
BODY = {"queries": PICTURES, "candidates": LABELS}


@dataclass
class Counted:
    """A service whose worker counts how often it runs its model."""

    api: Api
    worker: Process
    counted: Path

    @property
    def calls(self) -> int:
        return int(self.counted.read_text() or 0) if self.counted.exists() else 0

    def until_cached(self, path: str, body: Any) -> requests.Response:
        """Ask until the answer needs no worker, which stores what it encoded after its answer."""
        answers: list[requests.Response] = []

        def is_cached() -> bool:
            answers.append(self.api.post(path, body))
            assert answers[-1].status_code == 200, answers[-1].text
            return answers[-1].headers["Server-Timing"].startswith("queue;dur=0.0, fetch;dur=0.0")

        wait_until(is_cached, "the answer comes from the cache")
        return answers[-1]


@pytest.fixture(scope="module")
def counted(folder: Path, redis_url_of_its_own: str) -> Iterator[Counted]:
    calls = folder / "calls"
    settings = {
        "redis_url": redis_url_of_its_own,
        "model": DEMO_MODEL,
        "batch_size": 4,
        **LOOPBACK_ALLOWED,
        "BENCH_CALLS": calls,
    }
    worker = start(["-m", "bench.counting_worker"], folder, settings)
    api = start_api(folder, redis_url_of_its_own)
    wait_for_workers(api, [worker])
    yield Counted(api, worker, calls)
    api.stop()
    worker.stop()


def test_the_same_answer_comes_without_the_model(counted: Counted) -> None:
    first = counted.api.post("/rank", BODY)
    counted.until_cached("/rank", BODY)
    before = counted.calls
    again = [counted.api.post("/rank", BODY) for _ in range(5)]
    assert {answer.content for answer in again} == {first.content}
    assert {answer.headers["X-Truncated-Texts"] for answer in again} == {"1"}
    assert len({answer.headers["X-Job-Id"] for answer in [first, *again]}) == 6
    assert counted.calls == before


def test_embeddings_are_alike_to_the_last_bit(counted: Counted) -> None:
    body = [picture_item(11), {"text": "of this test alone"}]
    first = counted.api.post("/encode", body)
    assert counted.until_cached("/encode", body).json() == first.json()


def test_what_was_ranked_can_be_encoded_and_ranked_in_another_order(counted: Counted) -> None:
    counted.until_cached("/rank", BODY)
    before = counted.calls
    turned = {"queries": LABELS[::-1], "candidates": PICTURES, "top_k": 1}
    assert counted.api.post("/rank", turned).status_code == 200
    assert counted.api.post("/encode", [*PICTURES, *LABELS]).status_code == 200
    assert counted.calls == before


def test_asynchronous_jobs_need_a_worker_but_no_model(counted: Counted) -> None:
    expected = counted.until_cached("/rank", BODY).json()
    before = counted.calls
    job = counted.api.post("/rank?wait=30", BODY)
    assert job.json() == expected
    assert counted.calls == before
