"""Have the service write one of everything, and keep it: `python -m tests.upgrades.record`.

The record of a release is made once, by that release, and never again: later ones must read it.
"""

import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from redis import Redis

from api.entry import assemble
from api.settings import ApiSettings
from standalone.valkey import EmbeddedValkey
from tests.pictures import blob, encoded, noise
from tests.processes import start, wait_until
from tests.upgrades.snapshot import take

WIRE_V1 = Path(__file__).parent / "wire_v1.json"
WORKER = re.compile(r"[\w.-]+-\d+-[0-9a-f]{6}")

CATS, HATS = {"text": "a cat"}, {"text": "a hat"}
TOO_LONG = {"text": "much too long"}
PICTURES = [blob(encoded(noise(6, 5, seed=seed))) for seed in range(3)]
NO_PICTURE = blob(b"not a picture")

RANKING = {"queries": [PICTURES[0], TOO_LONG], "candidates": [CATS, HATS]}
ASYNC: dict[str, tuple[str, Any]] = {
    "several_parts": ("/encode", [*PICTURES, CATS, HATS, TOO_LONG]),
    "scored": (
        "/rank",
        {
            **RANKING,
            "templates": ["a {}", "one {}"],
            "top_k": 1,
            "temperature": 2,
            "activation": "sigmoid",
        },
    ),
    "partial": (
        "/rank",
        {**RANKING, "queries": [NO_PICTURE, PICTURES[1]], "allow_partial": True},
    ),
    "failed": ("/encode", [NO_PICTURE]),
}
LABELLED = {"queries": [PICTURES[0]], "label_set": "things"}
THINGS = [CATS, HATS, {"text": "a mat"}]  # one is new, or no worker would make the label set
PARTS = 7


def submit_all(client: FlaskClient) -> dict[str, str]:
    """Submit the asynchronous jobs. Returns their paths by name."""
    paths = {}
    for name, (path, body) in ASYNC.items():
        headers = {"Idempotency-Key": name, "X-Request-Id": f"request-{name}"}
        answer = client.post(f"{path}?wait=0", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        paths[name] = answer.headers["Location"]
    return paths


def answers(client: FlaskClient, paths: dict[str, str]) -> dict[str, Any]:
    """The documents of jobs once they have ended."""
    return {name: client.get(f"{path}?wait=30").get_json() for name, path in paths.items()}


def synchronous(client: FlaskClient) -> dict[str, Any]:
    """What is answered at once, the second time from the cache."""
    assert client.put("/label-sets/things", json={"candidates": THINGS}).status_code < 300
    told = {}
    for name, path, body in (
        ("ranking", "/rank", RANKING),
        ("labelled", "/rank", LABELLED),
        ("embeddings", "/encode", [PICTURES[2], CATS]),
    ):
        for _ in range(2):
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
        told[name] = answer.get_json()
    return told


def record(folder: Path, redis_url: str) -> dict[str, Any]:
    """Everything that the service writes: jobs that wait, then the same once they are done."""
    app = assemble(ApiSettings(redis_url=redis_url, part_queries=2, job_timeout_s=3600))
    with Redis.from_url(redis_url) as redis, app.test_client() as client:
        recorded_at = time.time()
        paths = submit_all(client)
        waiting = take(redis)
        worker = start(["-m", "tests.faults.worker"], folder, {"redis_url": redis_url})
        try:
            wait_until(lambda: client.get("/readyz").status_code == 200, worker.log_path.name, 90)
            recorded = {
                "recorded_at": recorded_at,
                "paths": paths,
                "waiting": waiting,
                "documents": answers(client, paths),
                "synchronous": synchronous(client),
            }
            wait_until(lambda: worker.log.count("part_done") == PARTS, "the worker is done")
            recorded["done"] = take(redis)
        finally:
            app.extensions["gateway"].close()
            worker.stop()
    whole: dict[str, Any] = json.loads(WORKER.sub("worker-1-abcdef", json.dumps(recorded)))
    return whole


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            recorded = record(Path(folder), valkey.url)
        finally:
            valkey.stop()
    WIRE_V1.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
