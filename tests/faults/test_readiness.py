"""Readiness needs a worker that takes synchronous requests; a heartbeat is not enough."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import pools

from common.protocol.celery_app import make_celery
from tests.faults.deployment import Deployment, deployed
from tests.processes import start, wait_until

SOON_S = 4.0
"""A worker beats every second; the rest is for a busy machine."""
QUEUES = ["bulk", "interactive"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("r")) as deployment:
        yield deployment


@pytest.fixture
def celery(service: Deployment) -> Iterator[Celery]:
    """Celery's own client, as an operator uses it."""
    yield make_celery(service.valkey.url, socket_timeout_s=10)
    pools.reset()  # Kombu shares them between applications


def readiness(service: Deployment) -> tuple[int, int]:
    """The status of `/readyz`, and the number of live workers."""
    answer = service.api.get("/readyz")
    return answer.status_code, answer.json()["workers"]


def wait_for(service: Deployment, status: int, timeout_s: float = SOON_S) -> None:
    what = f"/readyz is {status} while the worker beats"
    wait_until(lambda: readiness(service) == (status, 1), what, timeout_s)


def encode(service: Deployment, text: str) -> tuple[int, str]:
    answer = service.api.post("/encode", [{"text": text}])
    return answer.status_code, "" if answer.ok else answer.json()["code"]


def queues(service: Deployment) -> Any:
    [worker] = service.api.get("/workers").json()["workers"]
    return worker["queues"]


def test_a_worker_that_takes_no_synchronous_requests_does_not_count(
    service: Deployment, celery: Celery
) -> None:
    assert queues(service) == QUEUES
    celery.control.cancel_consumer("interactive", reply=True, timeout=5, limit=1)
    wait_for(service, 503)
    assert queues(service) == ["bulk"]
    assert encode(service, "while it takes bulk work alone") == (503, "no_worker")
    assert service.api.post("/encode?wait=20", [{"text": "a"}]).status_code == 200
    celery.control.add_consumer("interactive", reply=True, timeout=5, limit=1)
    wait_for(service, 200)
    assert queues(service) == QUEUES
    assert encode(service, "once it takes both") == (200, "")


def test_a_worker_whose_consumer_hangs_does_not_count(service: Deployment, celery: Celery) -> None:
    celery.control.broadcast("hang", {"seconds": 10})
    wait_for(service, 503, timeout_s=9)
    assert queues(service) == []
    wait_for(service, 200, timeout_s=9)


def test_a_worker_whose_consumer_has_no_connection_does_not_count(service: Deployment) -> None:
    """Its heartbeat has a connection of its own, and is back the sooner."""
    service.valkey.kill()
    [worker] = service.workers
    wait_until(lambda: "Trying again in 6.00 seconds" in worker.log, "it tries to connect")
    service.valkey.start()
    wait_for(service, 503)
    assert queues(service) == []
    wait_for(service, 200, timeout_s=15)
    assert encode(service, "after the outage") == (200, "")


def test_a_consumer_that_reconnects_soon_is_waited_for(service: Deployment) -> None:
    [worker] = service.workers
    tried = worker.log.count("Trying again in 2.00 seconds")
    service.valkey.kill()
    wait_until(lambda: worker.log.count("Trying again in 2.00 seconds") > tried, "it has noticed")
    service.valkey.start()
    with service.redis() as redis:
        redis.delete(*redis.keys("clip:worker:*"))
    wait_until(lambda: service.api.workers() == 1, "it beats again")
    assert encode(service, "after a short outage") == (200, "")


def test_a_worker_takes_the_options_of_celery(service: Deployment) -> None:
    arguments = ["-m", "tests.faults.worker", "-Q", "bulk"]
    process = start(arguments, service.folder, {"redis_url": service.valkey.url})
    try:
        wait_until(lambda: service.api.workers() == 2, "it beats too")
        workers = service.api.get("/workers").json()["workers"]
        assert sorted(worker["queues"] for worker in workers) == [["bulk"], QUEUES]
    finally:
        process.stop()
