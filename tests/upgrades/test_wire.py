"""What a release of format 1 wrote is read, and what is written now it would have read.

`wire_v1.json` was recorded by such a release: see tests/upgrades/record.py. It is never made anew.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis import Redis

from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.upgrades.record import LABELLED, PICTURES, RANKING, WIRE_V1, record
from tests.upgrades.shapes import serves_for, shapes
from tests.upgrades.snapshot import Snapshot, put_back

V1: dict[str, Any] = json.loads(WIRE_V1.read_text())
LATER = "said_by_a_later_release"
RECORDS = ("clip:job:", "clip:part:", "clip:idempotency:")


def as_recorded(snapshot: Snapshot) -> Snapshot:
    return snapshot


def with_additions(snapshot: Snapshot) -> Snapshot:
    """The same as of a later release, which has more to say everywhere."""
    return {key: _with_more(key, entry) for key, entry in snapshot.items()}


def _with_more(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    value = entry["value"]
    match entry["type"]:
        case "hash":
            value = {name: _add_to_json(text) for name, text in value.items()}
            if key.startswith(RECORDS):
                value |= {LATER: "1", f"{LATER}:0": "1"}
        case "list":
            value = [_add_to_json(text) for text in value]
        case "string":
            value = _add_to_json(value)
    return {**entry, "value": value}


def _add_to_json(text: str) -> str:
    if not text.startswith(("{", "[")):
        return text
    return orjson.dumps(_add(orjson.loads(text))).decode()


def _add(value: Any) -> Any:
    if isinstance(value, list):
        return [_add(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "body" in value:
        arguments, options, signatures = orjson.loads(base64.b64decode(value["body"]))
        body = orjson.dumps([arguments, options | {LATER: 1}, signatures])
        value |= {"body": base64.b64encode(body).decode()}
    lists = {"lists", "faults"}  # whose names are not those of fields
    return {name: each if name in lists else _add(each) for name, each in value.items()} | {
        LATER: {"of": 1}
    }


both = pytest.mark.parametrize("change", [as_recorded, with_additions])
Change = Callable[[Snapshot], Snapshot]


def restore(redis: Redis, moment: str, change: Change) -> None:
    put_back(redis, change(V1[moment]), V1["recorded_at"], time.time())


def timeless(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if not name.endswith("_at")}


def without_timings(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in timeless(document).items() if name != "timings"}


@both
def test_jobs_that_are_done_are_told_as_they_were(
    redis_url: str, redis: Redis, make_api: ClientMaker, change: Change
) -> None:
    restore(redis, "done", change)
    client = make_api(redis_url=redis_url)
    for name, path in V1["paths"].items():
        assert timeless(client.get(path).get_json()) == timeless(V1["documents"][name])
    listed = client.get("/jobs").get_json()["jobs"]
    assert len(listed) == len(V1["paths"])


@both
def test_a_heartbeat_is_heard(
    redis_url: str, redis: Redis, make_api: ClientMaker, change: Change
) -> None:
    restore(redis, "done", change)
    client = make_api(redis_url=redis_url)
    [worker] = client.get("/workers").get_json()["workers"]
    assert worker["name"] == "worker-1-abcdef"
    assert client.get("/readyz").status_code == 200


@both
def test_what_was_cached_and_stored_is_used_without_a_worker(
    redis_url: str, redis: Redis, make_api: ClientMaker, change: Change
) -> None:
    restore(redis, "done", change)
    client = make_api(redis_url=redis_url)
    for name, path, body in (
        ("ranking", "/rank", RANKING),
        ("labelled", "/rank", LABELLED),
        ("embeddings", "/encode", [PICTURES[2], {"text": "a cat"}]),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.get_json() == V1["synchronous"][name]
    [label_set] = client.get("/label-sets").get_json()["label_sets"]
    assert label_set["name"] == "things"


def test_an_idempotency_key_still_names_its_job(
    redis_url: str, redis: Redis, make_api: ClientMaker
) -> None:
    restore(redis, "waiting", as_recorded)
    client = make_api(redis_url=redis_url)
    told = {"Idempotency-Key": "failed"}
    body = [{"img_blob": base64.b64encode(b"not a picture").decode()}]
    again = client.post("/encode?wait=0", json=body, headers=told)
    assert again.headers["Location"] == V1["paths"]["failed"]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("w")) as deployment:
        yield deployment


@both
def test_jobs_that_waited_are_done(deployment: Deployment, change: Change) -> None:
    with deployment.redis() as redis:
        for key in redis.keys("clip:[jpi]*"):
            redis.unlink(key)
        restore(redis, "waiting", change)
        for name, path in V1["paths"].items():
            document = deployment.api.get(f"{path}?wait=30").json()
            assert without_timings(document) == without_timings(V1["documents"][name])
        assert redis.get("clip:open-items") == b"0"


@pytest.fixture(scope="module")
def recorded_now(folder: Path, redis_url_of_its_own: str) -> dict[str, Any]:
    return record(folder, redis_url_of_its_own)


@pytest.mark.parametrize("moment", ["waiting", "done"])
def test_what_is_written_now_has_all_that_format_1_had(
    recorded_now: dict[str, Any], moment: str
) -> None:
    now, then = shapes(recorded_now[moment]), shapes(V1[moment])
    for key, known in then.items():
        for shape in known:
            assert any(serves_for(found, shape) for found in now.get(key, [])), (
                f"{key}\nthen: {shape}\nnow:  {now.get(key)}"
            )


def test_the_record_is_one_of_everything() -> None:
    kinds = {key.split(":")[1] for key in V1["waiting"] | V1["done"] if key.startswith("clip:")}
    assert kinds >= {"job", "part", "blob", "open", "idempotency", "worker", "emb", "label-sets"}
    assert len(V1["waiting"]["bulk"]["value"]) == 6
