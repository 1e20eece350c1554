"""A worker dies while a request waits: the request is answered, by whom it may be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.picture_server import PictureServer, Stalling
from tests.pictures import encoded, noise, picture_item
from tests.processes import (
    DEMO_MODEL,
    Api,
    Process,
    start_api,
    start_worker,
    wait_for_workers,
    wait_until,
)

LABELS = [{"text": "a cat"}, {"text": "a dog"}]


@pytest.fixture
def api(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    api = start_api(folder, redis_url_of_its_own, sync_timeout_s=8)
    yield api
    api.stop()


@pytest.fixture
def worker(folder: Path, redis_url_of_its_own: str, api: Api) -> Iterator[Process]:
    worker = start_worker(folder, redis_url_of_its_own, DEMO_MODEL)
    wait_for_workers(api, [worker])
    yield worker
    if worker.popen.poll() is None:
        worker.stop()


def ask(api: Api, url: str) -> requests.Response:
    body = {"queries": [{"img_uri": url}], "candidates": LABELS}
    return requests.post(f"{api.url}/rank", json=body, timeout=60)


def test_without_another_worker_the_request_ends_with_a_clear_error(
    api: Api, worker: Process, picture_server: PictureServer
) -> None:
    stalling = Stalling(picture_server, encoded(noise(50, 50)))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, api, stalling.url)
        assert stalling.asked.acquire(timeout=10)
        worker.kill()
        got = answer.result(30)
    stalling.let_go.set()
    assert got.status_code in (503, 504)
    assert got.headers["Content-Type"] == "application/problem+json"
    assert "Traceback" not in got.text


def test_another_worker_answers_in_its_place(
    folder: Path,
    redis_url_of_its_own: str,
    api: Api,
    worker: Process,
    picture_server: PictureServer,
) -> None:
    # As fast to notice a death as it gets, so that the request's own timeout does not pass.
    stalling = Stalling(picture_server, encoded(noise(50, 50)))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, api, stalling.url)
        assert stalling.asked.acquire(timeout=10)
        other = start_worker(folder, redis_url_of_its_own, DEMO_MODEL, worker_ttl_s=1)
        worker.kill()
        stalling.let_go.set()
        got = answer.result(30)
    assert got.status_code in (200, 503, 504)
    wait_until(lambda: api.workers() == 1, "the other worker is ready", 60)
    assert ask(api, stalling.url).status_code == 200
    assert other.stop() == 0


def test_thirty_two_clients_at_once(api: Api, worker: Process) -> None:
    def one(seed: int) -> requests.Response:
        body = {"queries": [picture_item(seed)], "candidates": LABELS}
        return requests.post(f"{api.url}/rank", json=body, timeout=60)

    alone = [one(seed).json() for seed in range(4)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(one, [seed % 4 for seed in range(160)]))
    assert {answer.status_code for answer in answers} == {200}
    for index, answer in enumerate(answers):
        [got] = answer.json()["cosine_similarities"]
        [expected] = alone[index % 4]["cosine_similarities"]
        assert got == pytest.approx(expected, abs=1e-5)
