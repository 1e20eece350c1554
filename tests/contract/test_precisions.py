"""The demo checkpoint, served in int8 after float32: nearly the same answers, other embeddings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests

from tests.images import blob
from tests.processes import (
    DEMO_MODEL,
    SAMPLES,
    Api,
    start_api,
    start_worker,
    wait_for_workers,
    wait_until,
)

IMAGES = sorted(SAMPLES.glob("*.*g"))
LABELS = [path.stem.replace("-", " ") for path in IMAGES]


@pytest.fixture(scope="module")
def api(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    api = start_api(folder, redis_url_of_its_own)
    yield api
    api.stop()


def rank(api: Api) -> requests.Response:
    body: dict[str, Any] = {
        "queries": [blob(path.read_bytes()) for path in IMAGES],
        "candidates": [{"text": label} for label in LABELS],
    }
    answer = api.post("/rank", body)
    assert answer.status_code == 200, answer.text
    return answer


def cosines(answer: requests.Response) -> npt.NDArray[np.float64]:
    return np.array(answer.json()["cosine_similarities"])


def served_in(dtype: str, api: Api, folder: Path, redis_url: str) -> requests.Response:
    """What a worker in this precision answers."""
    worker = start_worker(folder, redis_url, DEMO_MODEL, device="cpu", dtype=dtype, torch_threads=1)
    wait_for_workers(api, [worker])
    [told] = api.get("/workers").json()["workers"]
    assert (told["device"], told["dtype"]) == ("cpu", dtype)
    assert api.get("/models").json()["models"][0]["precision"] == dtype
    assert ("precision_checked" in worker.log) == (dtype != "float32")
    answer = rank(api)
    assert "X-Job-Id" in answer.headers, "another precision's embeddings are of no use"
    again = rank(api)
    assert "X-Job-Id" not in again.headers, "its own are cached"
    assert np.array_equal(cosines(again), cosines(answer))
    worker.stop()
    wait_until(lambda: api.workers() == 0, "the worker has left")
    return answer


def test_int8_ranks_nearly_as_float32(api: Api, folder: Path, redis_url_of_its_own: str) -> None:
    exact = cosines(served_in("float32", api, folder, redis_url_of_its_own))
    found = cosines(served_in("int8", api, folder, redis_url_of_its_own))
    assert 1e-4 < np.abs(found - exact).max() < 0.03
    own = np.arange(len(LABELS))
    assert (exact.argmax(axis=1) == own).all()
    assert (found.argmax(axis=1) == own).mean() > 0.9


def test_a_worker_below_the_bound_does_not_start(folder: Path, redis_url_of_its_own: str) -> None:
    chosen: dict[str, object] = {"dtype": "int8", "device": "cpu", "min_cosine": 1}
    worker = start_worker(folder, redis_url_of_its_own, DEMO_MODEL, exit_pause_s=0, **chosen)
    assert worker.popen.wait(timeout=90) == 78
    assert "int8 changes its embeddings too much: the lowest cosine to float32 is" in worker.log
