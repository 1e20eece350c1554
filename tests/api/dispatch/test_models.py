"""Which model a request is for, by the settings and the live workers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.ledger.jobs import Ledger
from common.protocol.messages import Item, ModelInfo, PartAbout, PartResult, Priority, queue_of
from common.redis.keys import KEYS
from tests.conftest import ClientMaker

ITEM = {"text": "a"}


def beat(redis: Redis, model: str, name: str = "", **changes: object) -> Heartbeat:
    info = ModelInfo(model, "r", 2, 1.0)
    said = Heartbeat(name or f"of-{model}", info, "cpu", "float32", 4, 0, 1.0)
    said = replace(said, **changes)  # type: ignore[arg-type]
    Heartbeats(redis, 60).beat(said)
    return said


def submit(client: FlaskClient, query: str = "") -> tuple[int, str]:
    """The status of an asynchronous request, and the id of its job."""
    answer = client.post(f"/encode?wait=0{query}", json=[ITEM])
    return answer.status_code, answer.headers.get("X-Job-Id", "")


@pytest.fixture
def make(make_api: ClientMaker, redis_url: str) -> Callable[[str], FlaskClient]:
    def make(models: str) -> FlaskClient:
        return make_api(redis_url=redis_url, models=models, sync_timeout_s=0.5)

    return make


class TestWithoutConfiguredModels:
    def test_a_live_model_may_be_named_and_another_may_not(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "one")
        client = make("")
        assert submit(client, "&model=one")[0] == 202
        refused = client.post("/encode?model=two", json=[ITEM]).get_json()
        assert refused["code"] == "unknown_model"
        assert "served models: one" in refused["detail"]

    def test_without_workers_a_named_model_has_no_worker(
        self, make: Callable[[str], FlaskClient]
    ) -> None:
        refused = make("").post("/encode?model=one", json=[ITEM])
        assert refused.status_code == 503
        assert refused.get_json()["code"] == "no_worker"
        assert "Retry-After" in refused.headers

    def test_a_model_may_be_named_as_soon_as_it_is_served(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        client = make("")
        assert submit(client, "&model=one")[0] == 503
        beat(redis, "one")
        assert submit(client, "&model=one")[0] == 202

    def test_parts_go_where_the_worker_takes_them(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "one")
        beat(redis, "two", model_queue="two")
        client = make("")
        for query in ("", "&model=one", "&model=two"):
            assert submit(client, query)[0] == 202
        assert redis.llen(KEYS(Priority.BULK)) == 2
        assert redis.llen(KEYS(queue_of(Priority.BULK, "two"))) == 1

    def test_a_worker_of_another_model_queue_does_not_count(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "two", model_queue="two")
        client = make("")
        assert client.post("/encode", json=[ITEM]).get_json()["code"] == "no_worker"
        assert client.get("/readyz").status_code == 503
        assert client.post("/encode?model=two", json=[ITEM]).status_code == 504

    def test_what_the_plain_queues_lead_to_is_a_default(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "one")
        beat(redis, "two", model_queue="two")
        told = make("").get("/models").get_json()["models"]
        assert [(model["name"], model["is_default"]) for model in told] == [
            ("one", True),
            ("two", False),
        ]


class TestWithConfiguredModels:
    def test_it_is_not_ready_without_a_worker_of_the_default(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "two", model_queue="two")
        answer = make("one,two").get("/readyz")
        assert answer.status_code == 503
        body = answer.get_json()
        assert (body["models"], body["models_without_worker"]) == (["two"], ["one"])

    def test_another_name_is_unknown_without_workers_too(
        self, make: Callable[[str], FlaskClient]
    ) -> None:
        assert submit(make("one"), "&model=typo")[0] == 422

    def test_a_live_worker_of_another_model_does_not_count(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        client = make("one,two")
        beat(redis, "two")  # on the default model's queue: the queue is right, the model is wrong
        for query in ("", "?model=one", "?model=two"):
            answer = client.post(f"/encode{query}", json=[ITEM])
            assert answer.get_json()["code"] == "no_worker", query
        beat(redis, "one")
        assert client.post("/encode", json=[ITEM]).status_code == 504

    def test_a_live_model_that_is_not_configured_may_be_named(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "three", model_queue="three")
        assert submit(make("one,two"), "&model=three")[0] == 202
        assert redis.llen(KEYS(queue_of(Priority.BULK, "three"))) == 1

    def test_the_worker_that_started_last_describes_the_model(
        self, make: Callable[[str], FlaskClient], redis: Redis
    ) -> None:
        beat(redis, "one", "new", since=2.0, dtype="float16")
        beat(redis, "one", "old")
        [told] = make("one").get("/models").get_json()["models"]
        assert (told["precision"], told["workers"]) == ("float16", 2)

    def test_an_answer_by_another_model_is_none(
        self, make: Callable[[str], FlaskClient], redis: Redis, ledger: Ledger
    ) -> None:
        client = make("one")
        _, job = submit(client)
        about = PartAbout(ModelInfo("two", "r", 2, 1.0))
        items = [Item("text", "a", queries=1, required=True)]
        ledger.finish(job, 0, items, PartResult(np.ones((1, 2), dtype=np.float32), about))
        answer = client.get(f"/jobs/{job}")
        assert (answer.status_code, answer.get_json()["code"]) == (503, "model_changed")
