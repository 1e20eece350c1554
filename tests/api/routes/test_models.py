"""Several models behind one API, each with a worker of its own; and one that no worker serves."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from redis import Redis

from common.fleet.heartbeats import Gpu, Heartbeat, Heartbeats
from common.protocol.messages import ModelInfo, Priority, queue_of
from common.redis.keys import KEYS
from tests.conftest import ClientMaker
from tests.images import image_item
from tests.processes import Api, start_api, start_worker, wait_for_workers, wait_until
from tests.tiny_models import save_tiny_model
from worker.model.source import Source

ABSENT = "a/model-without-workers"
DIMENSIONS = {"clip": 16, "siglip": 24}
ITEMS = [{"text": "a cat"}, image_item(1), {"text": "pizza"}]


@dataclass
class Several:
    """A deployment of two models, by family; the first is the default."""

    api: Api
    folders: dict[str, Path]
    redis: Redis

    @property
    def names(self) -> dict[str, str]:
        return {family: folder.name for family, folder in self.folders.items()}

    def encode(self, query: str = "") -> requests.Response:
        # Not on the shared session: several threads ask at once.
        return requests.post(f"{self.api.url}/encode{query}", json=ITEMS, timeout=60)

    def rank(self, query: str = "", **more: object) -> requests.Response:
        body = {"queries": ITEMS[1:2], "candidates": ITEMS[::2], **more}
        return self.api.post(f"/rank{query}", body)

    def job(self, query: str) -> Any:
        """An asynchronous job, once it has ended."""
        location = self.encode(f"?wait=0{query}").headers["Location"]
        return requests.get(f"{self.api.url}{location}?wait=30", timeout=60).json()


@pytest.fixture(scope="module")
def several(folder: Path, redis_url_of_its_own: str) -> Iterator[Several]:
    folders = {family: save_tiny_model(family, folder / f"m-{family}") for family in DIMENSIONS}
    models = ",".join([*map(str, folders.values()), ABSENT])
    workers = [
        start_worker(
            *(folder, redis_url_of_its_own, path),
            models=models,
            batch_size=4,
            torch_threads=1,
        )
        for path in folders.values()
    ]
    api = start_api(folder, redis_url_of_its_own, models=models)
    wait_for_workers(api, workers)
    with Redis.from_url(redis_url_of_its_own) as redis:
        yield Several(api, folders, redis)
    api.stop()
    for worker in workers:
        assert worker.stop() == 0


def workers_of(several: Several) -> list[dict[str, Any]]:
    workers: list[dict[str, Any]] = several.api.get("/workers").json()["workers"]
    return workers


def revision_of(folder: Path) -> str:
    return Source(str(folder)).fetch()[1]


def only_error(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    return dict(error)


def test_a_request_is_served_by_the_model_that_it_names(several: Several) -> None:
    for family, name in several.names.items():
        vectors = np.array(several.encode(f"?model={name}").json())
        assert vectors.shape == (3, DIMENSIONS[family])
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        [expected] = units[1:2] @ units[::2].T
        for answer in (several.rank(model=name), several.rank(f"?model={name}")):
            assert answer.status_code == 200, answer.text
            [row] = answer.json()["cosine_similarities"]
            assert row == pytest.approx(expected, abs=1e-5)


def test_a_request_that_names_none_is_served_by_the_first(several: Several) -> None:
    assert several.encode().json() == several.encode(f"?model={several.names['clip']}").json()
    assert several.rank().content == several.rank(model=several.names["clip"]).content
    assert several.rank().content == several.rank(model=None).content


def test_no_request_strays_to_another_model_however_many_there_are(several: Several) -> None:
    def ask(number: int) -> tuple[int, int]:
        family = list(DIMENSIONS)[number % 2]
        name = several.names[family]
        query = f"model={name}"
        if number % 4 < 2:
            return DIMENSIONS[family], len(several.encode(f"?{query}").json()[0])
        job = several.job(f"&{query}")
        assert job["model"] == {"name": name, "revision": revision_of(several.folders[family])}
        return DIMENSIONS[family], len(job["result"][0])

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(64)))
    assert len(got) == 64
    assert [dimension for _, dimension in got] == [expected for expected, _ in got]


@pytest.mark.parametrize("query", ["", "?wait=0"])
def test_a_model_that_no_worker_serves_is_unknown(several: Several, query: str) -> None:
    answer = several.rank(query, model="no-such-model")
    assert answer.json()["code"] == "unknown_model"
    error = only_error(answer)
    assert (error["pointer"], error["code"]) == ("/model", "unknown_model")
    for name in several.names.values():
        assert name in error["detail"]
    assert error["detail"].startswith("is 'no-such-model', which is not served")


def test_an_unknown_model_in_the_query_has_no_place_in_the_body(several: Several) -> None:
    answer = several.encode("?model=no-such-model")
    error = only_error(answer)
    assert (error["pointer"], error["code"]) == ("", "unknown_model")
    assert answer.json()["detail"] == error["detail"]
    assert error["detail"].startswith("parameter model is 'no-such-model', which is not served")
    assert only_error(several.encode("?model="))["code"] == "unknown_model"


def test_a_request_names_one_model_at_most(several: Several) -> None:
    one, other = several.names.values()
    assert several.rank(f"?model={one}", model=one).status_code == 200
    assert only_error(several.rank(f"?model={one}", model=other))["code"] == "ambiguous_model"
    twice = several.encode(f"?model={one}&model={other}")
    assert only_error(twice)["code"] == "ambiguous_model"


@pytest.mark.parametrize("model", [1, [], {}, True])
def test_a_model_is_named_by_a_string(several: Several, model: object) -> None:
    error = only_error(several.rank(model=model))
    assert (error["pointer"], error["code"]) == ("/model", "wrong_type")


def test_without_a_worker_of_its_own_a_model_takes_no_synchronous_requests(
    several: Several,
) -> None:
    answer = several.rank(model=ABSENT)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_worker")
    assert several.redis.llen(KEYS(queue_of(Priority.INTERACTIVE, ABSENT))) == 0


def test_without_a_worker_of_its_own_a_model_takes_asynchronous_requests(several: Several) -> None:
    answer = several.rank("?wait=0", model=ABSENT)
    assert answer.status_code == 202
    assert several.redis.llen(KEYS(queue_of(Priority.BULK, ABSENT))) == 1
    job = several.api.get(answer.headers["Location"]).json()
    assert (job["status"], job["model"]) == ("queued", {"name": ABSENT, "revision": None})
    several.api.session.delete(f"{several.api.url}{answer.headers['Location']}")
    several.redis.delete(KEYS(queue_of(Priority.BULK, ABSENT)))


@pytest.mark.parametrize(
    "path", ["/models", "/workers", "/readyz", "/metrics", "/encode?model=no-such-model", "/jobs"]
)
def test_no_answer_names_a_folder_of_the_machine(several: Several, path: str) -> None:
    several.job("")
    answer = several.encode(path[7:]) if path.startswith("/encode") else several.api.get(path)
    assert str(several.folders["clip"].parent) not in answer.text
    if path not in ("/jobs", "/metrics"):
        assert several.names["clip"] in answer.text


def test_the_models_are_listed_in_their_order(several: Several) -> None:
    square = {"height": 32, "width": 32}
    told = several.api.get("/models").json()["models"]
    assert told == [
        {
            "name": several.names["clip"],
            "is_default": True,
            "revision": revision_of(several.folders["clip"]),
            "family": "CLIP",
            "format": "transformers",
            "dimension": 16,
            "context_length": 20,
            "resolution": square,
            "activation": "softmax",
            "precision": "float32",
            "not_finite_in": None,
            "workers": 1,
        },
        {
            "name": several.names["siglip"],
            "is_default": False,
            "revision": revision_of(several.folders["siglip"]),
            "family": "SigLIP",
            "format": "transformers",
            "dimension": 24,
            "context_length": 64,
            "resolution": square,
            "activation": "sigmoid",
            "precision": "float32",
            "not_finite_in": None,
            "workers": 1,
        },
        {
            **dict.fromkeys(told[0]),
            "name": ABSENT,
            "is_default": False,
            "workers": 0,
        },
    ]


def test_workers_show_how_much_they_encoded(several: Several) -> None:
    several.encode()
    wait_until(lambda: any(each["encoded_images"] for each in workers_of(several)), "a count")
    for worker in workers_of(several):
        assert re.fullmatch(r"clip-[0-9a-f]{6}@.+", worker["node"])
        assert (worker["device"], worker["batch_size"]) == ("cpu", 4)


def test_a_worker_of_an_earlier_release_shows_what_is_known(
    make_api: ClientMaker, redis: Redis, redis_url: str
) -> None:
    beat = Heartbeat("w", ModelInfo("m", "r", 2, 1.0), "cpu", "float32", 4, 0, 1.0)
    Heartbeats(redis, 60).beat(beat)
    [worker] = make_api(redis_url=redis_url).get("/workers").get_json()["workers"]
    assert worker["name"] == "w"
    assert worker["node"] is worker["encoded_images"] is worker["encoded_texts"] is None
    assert worker["gpu"] is None


def test_a_workers_gpu_is_shown(make_api: ClientMaker, redis: Redis, redis_url: str) -> None:
    gpu = Gpu("NVIDIA H200", 150_000_000_000, 2_000_000_000, 42)
    model = ModelInfo("m", "r", 2, 1.0)
    Heartbeats(redis, 60).beat(Heartbeat("w", model, "cuda:0", "float16", 4, 0, 1.0, gpu=gpu))
    [worker] = make_api(redis_url=redis_url).get("/workers").get_json()["workers"]
    assert worker["gpu"] == {
        "name": "NVIDIA H200",
        "memory_bytes": 150_000_000_000,
        "used_bytes": 2_000_000_000,
        "utilization_percent": 42,
    }


def test_it_is_ready_though_a_model_lacks_a_worker_and_says_which(several: Several) -> None:
    answer = several.api.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["models"] == sorted(several.names.values())
    assert answer.json()["models_without_worker"] == [ABSENT]


def test_the_model_is_part_of_what_an_idempotency_key_stands_for(several: Several) -> None:
    def ask(family: str) -> requests.Response:
        return requests.post(
            f"{several.api.url}/encode?wait=9&model={several.names[family]}",
            json=ITEMS,
            headers={"Idempotency-Key": "the-same"},
            timeout=60,
        )

    first, again, other = ask("clip"), ask("clip"), ask("siglip")
    assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
