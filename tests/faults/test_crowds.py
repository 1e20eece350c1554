"""Many, slow or silent clients: /healthz is answered, and no request waits too long."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import requests

from tests.faults.crowd import Crowd, asking_for_health
from tests.faults.deployment import Deployment, deployed
from tests.faults.test_single_faults import grey, rank_body, submit, tinted
from tests.processes import Api, start_api, wait_until
from tests.raw_http import json_request, request

PATIENCE_S = 2.0
"""How long /healthz may take, on a machine whose cores are shared."""
SYNC_TIMEOUT_S = 8.0
LATEST_S = 1.5 * SYNC_TIMEOUT_S
"""When the last of a crowd is answered there: long before a second timeout has passed."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A service without a worker."""
    with deployed(tmp_path_factory.mktemp("g"), workers=0) as deployment:
        yield deployment


@pytest.fixture
def impatient(service: Deployment) -> Iterator[Api]:
    """An API whose synchronous requests do not wait for long."""
    folder: Path = service.folder
    api = start_api(folder, service.valkey.url, sync_timeout_s=SYNC_TIMEOUT_S)
    yield api
    api.stop()


def test_connections_that_say_nothing(impatient: Api) -> None:
    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 500):
        wait_until(lambda: health.answers > 50, "health is answered", 60)
    assert not health.failures
    assert health.slowest_s < PATIENCE_S


def test_headers_that_drip(impatient: Api) -> None:
    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 140) as crowd:
        crowd.send(b"GET /healthz HTTP/1.1\r\nX-Slow: ")

        def are_gone() -> bool:
            time.sleep(0.5)  # the speed of the drip
            return crowd.send(b"a") == 0

        wait_until(are_gone, "the server hung up on all", 40)
    assert not health.failures
    assert health.slowest_s < PATIENCE_S


def test_long_polls(service: Deployment, impatient: Api) -> None:
    location = submit(service, grey(1))
    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 140) as crowd:
        crowd.send(request(f"{location}?wait=60", method="GET"))
        answers = crowd.answers(SYNC_TIMEOUT_S * 4)
    assert [each.status for each in answers] == [200] * 140
    assert sum(each.seconds < SYNC_TIMEOUT_S / 2 for each in answers) > 140 / 2
    assert max(each.seconds for each in answers) < SYNC_TIMEOUT_S + PATIENCE_S
    assert not health.failures
    assert health.slowest_s < PATIENCE_S


def test_clients_that_do_not_read(impatient: Api) -> None:
    def are_gone() -> bool:
        return crowd.send(b"G") == 0

    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 64) as crowd:
        crowd.send(request("/openapi.json", method="GET") * 100)
        wait_until(are_gone, "the server hung up on all", 120)
    assert not health.failures
    assert health.slowest_s < PATIENCE_S
    assert impatient.get("/jobs").status_code == 200


def test_clients_that_do_not_close(impatient: Api) -> None:
    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 140) as crowd:
        crowd.send(request("/healthz", "Connection: close", method="GET"))
        answered = health.answers + 50
        wait_until(lambda: health.answers > answered, "health is answered", 60)
    assert not health.failures
    assert health.slowest_s < PATIENCE_S


@pytest.fixture(scope="module")
def _slow_worker(service: Deployment) -> None:
    service.add_worker(FAULT_SECONDS_PER_IMAGE=1, batch_size=1, cached_embeddings=0)


def ask_to_rank(crowd: Crowd) -> None:
    """Have each client send a synchronous request, for an image like no other."""
    for number, each in enumerate(crowd.sockets):
        body = orjson.dumps(rank_body(tinted(number % 200, number // 200)))
        each.send(json_request("/rank", body))


@pytest.mark.usefixtures("_slow_worker")
def test_more_synchronous_requests_than_a_slow_worker_can_serve(impatient: Api) -> None:
    with asking_for_health(impatient.url) as health, Crowd(impatient.url, 400) as crowd:
        ask_to_rank(crowd)
        answers = crowd.answers(SYNC_TIMEOUT_S * 6)
    statuses = Counter(each.status for each in answers)
    assert set(statuses) <= {200, 503, 504}
    assert statuses.total() == 400
    early = [each for each in answers if each.status == 503]
    assert len(early) > 400 / 2
    assert all("\r\nRetry-After: " in each.head for each in early)
    assert max(each.seconds for each in early) < SYNC_TIMEOUT_S
    assert max(each.seconds for each in answers) < LATEST_S
    assert not health.failures
    assert health.slowest_s < PATIENCE_S


@pytest.mark.usefixtures("_slow_worker")
def test_a_request_that_would_be_late_is_refused_before_all_places_are_taken(
    service: Deployment,
) -> None:
    api = start_api(service.folder, service.valkey.url, sync_timeout_s=20)

    def is_refused() -> bool:
        try:
            answer = requests.post(f"{api.url}/rank", json=rank_body(grey(1)), timeout=0.5)
        except requests.Timeout:
            return False
        return answer.status_code == 503 and "too long" in answer.json()["detail"]

    with Crowd(api.url, 40) as crowd:
        ask_to_rank(crowd)
        wait_until(is_refused, "the rate is measured, and an answer would be late", 18)
    api.stop()
