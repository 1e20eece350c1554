"""A lost part of one model goes to the workers of that model, whichever process repairs it."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from common.protocol.messages import Priority, queue_of
from common.redis.keys import KEYS
from tests.faults.deployment import Deployment, deployed
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import wait_for_workers, wait_until

MODELS = "one,two"
SETTINGS = {"models": MODELS, "worker_ttl_s": 1}
BULK_OF_TWO = queue_of(Priority.BULK, "two")
OF_TWO = {"name": "two", "revision": "main"}


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A service of two models, of which the first has a worker."""
    with deployed(tmp_path_factory.mktemp("m"), workers=0, models=MODELS) as deployment:
        deployment.add_worker(model="one", **SETTINGS)
        yield deployment


def submit(service: Deployment, item: dict[str, str]) -> str:
    answer = service.api.post("/encode?wait=0&model=two", [item])
    assert answer.status_code == 202
    return answer.headers["Location"]


def document(service: Deployment, location: str, wait: float = 30) -> dict[str, Any]:
    document: dict[str, Any] = service.api.get(f"{location}?wait={wait}").json()
    return document


def test_a_part_of_a_killed_worker_goes_to_another_of_its_model(
    service: Deployment, image_server: ImageServer
) -> None:
    first = service.add_worker(model="two", **SETTINGS)
    stalling = Stalling(image_server, encoded(noise(50, 50)))
    location = submit(service, {"img_uri": stalling.url})
    assert stalling.asked.acquire(timeout=10)
    first.kill()
    stalling.let_go.set()
    job = location.rpartition("/")[2]
    with service.redis() as redis:
        wait_until(lambda: redis.llen(KEYS(BULK_OF_TWO)) > 0, "the part is sent again")
        assert redis.llen(KEYS(queue_of(Priority.BULK))) == 0
        assert redis.hget(f"clip:job:{job}", "tries:0") == b"1", "no other worker begins it"
    assert document(service, location, 0)["model"] == {"name": "two", "revision": None}
    service.add_worker(model="two", **SETTINGS)
    done = document(service, location)
    assert (done["status"], done["model"]) == ("done", OF_TWO)


def test_a_lost_message_is_sent_again_to_its_own_queue(service: Deployment) -> None:
    location = submit(service, {"text": "a"})
    with service.redis() as redis:
        assert redis.lpop(KEYS(BULK_OF_TWO)) is not None
        wait_until(lambda: redis.llen(KEYS(BULK_OF_TWO)) > 0, "the part is sent again")
        assert redis.llen(KEYS(queue_of(Priority.BULK))) == 0
    service.add_worker(model="two", **SETTINGS)
    done = document(service, location)
    assert (done["status"], done["model"]) == ("done", OF_TWO)


def test_several_models_on_one_queue_are_reported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As a change of the model passes through, and as a forgotten CLIP_MODELS leaves it."""
    with deployed(tmp_path_factory.mktemp("c"), model="old") as service:
        assert service.api.get("/readyz").json()["conflicting_models"] == []
        old, new = service.workers[0], service.add_worker(model="new")
        answer = service.api.get("/readyz")
        assert answer.json()["conflicting_models"] == ["new", "old"]
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        wait_until(lambda: "model_conflict" in new.log, "the worker that came warns")
        [warning] = [line for line in new.log.splitlines() if "model_conflict" in line]
        logged = orjson.loads(warning)
        assert logged["level"] == "warning"
        assert (logged["model"], logged["others"]) == ("new@main", ["old@main"])
        assert "model_conflict" not in old.log
        old.stop()
        wait_for_workers(service.api, [new])
        assert service.api.get("/readyz").json()["conflicting_models"] == []


def test_models_on_queues_of_their_own_do_not_conflict(service: Deployment) -> None:
    two = service.add_worker(model="two", **SETTINGS)
    assert service.api.get("/readyz").json()["conflicting_models"] == []
    assert "model_conflict" not in two.log
