"""A worker dies while a request waits for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.faults.deployment import Deployment, deployed
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import Process, start_api, wait_until

SYNC_TIMEOUT_S = 3


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("d"), workers=2) as deployment:
        yield deployment


@pytest.fixture
def image(image_server: ImageServer) -> Iterator[Stalling]:
    stalling = Stalling(image_server, encoded(noise(50, 50)))
    yield stalling
    stalling.let_go.set()


def ask(url: str, image: Stalling) -> requests.Response:
    body = {"queries": [{"img_uri": image.url}], "candidates": [{"text": "a cat"}]}
    return requests.post(f"{url}/rank", json=body, timeout=60)


def owner(service: Deployment) -> Process:
    """The worker that runs the one part there is."""
    with service.redis() as redis:
        [job] = redis.keys("clip:job:*")
        name = (redis.hget(job, "owner:0") or b"").decode()
    [found] = [worker for worker in service.workers if f"-{worker.popen.pid}-" in name]
    return found


def test_another_worker_answers_in_its_place(service: Deployment, image: Stalling) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, service.api.url, image)
        assert image.asked.acquire(timeout=10)
        owner(service).kill()
        assert image.asked.acquire(timeout=30), "the other worker fetches it"
        image.let_go.set()
        got = answer.result(30)
    assert got.status_code == 200
    assert got.json()["probabilities"] == [[1.0]]


def test_without_another_worker_the_client_gets_the_job(
    folder: Path, service: Deployment, image: Stalling
) -> None:
    """Its request ends with 504 and the job goes on, until a worker is there."""
    impatient = start_api(folder, service.valkey.url, sync_timeout_s=SYNC_TIMEOUT_S)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, impatient.url, image)
        assert image.asked.acquire(timeout=10)
        for worker in service.workers:
            worker.kill()
        got = answer.result(30)
    assert (got.status_code, got.json()["code"]) == (504, "deadline_exceeded")
    image.let_go.set()
    wait_until(lambda: service.api.workers() == 0, "the dead no longer beat")
    service.replace_worker()
    document = service.api.get(f"{got.headers['Location']}?wait=30").json()
    assert document["status"] == "done"
    impatient.stop()
