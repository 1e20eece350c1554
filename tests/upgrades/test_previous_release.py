"""The release before this one and this one, side by side on one Redis.

Skipped where the history of the repository is not at hand.
"""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from standalone.valkey import EmbeddedValkey
from tests.pictures import blob, picture_item
from tests.processes import (
    DEMO_MODEL,
    ROOT,
    Api,
    Process,
    start_api,
    start_worker,
    wait_for_workers,
    wait_until,
)

PREVIOUS = "89b34412c7b1c6e084d9e6c383fe8911a476a539"
LABELS = [{"text": "a t-shirt"}, {"text": "a hat"}]
JOBS = 20


def git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release before, unpacked."""
    try:
        archive = git("archive", "--format=tar", PREVIOUS)
    except FileNotFoundError:
        pytest.skip("there is no git")
    if archive.returncode:
        pytest.skip(f"the history does not reach back to {PREVIOUS}")
    root = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as unpacking:
        unpacking.extractall(root, filter="data")
    return root


@dataclass
class Mixed:
    """A service, and where its releases are."""

    folder: Path
    redis_url: str
    previous: Path
    ending: ExitStack

    def api(self, root: Path) -> Api:
        api = start_api(self.folder, self.redis_url, root, part_queries=2)
        self.ending.callback(api.stop)
        return api

    def worker(self, root: Path) -> Process:
        worker = start_worker(
            self.folder, self.redis_url, DEMO_MODEL, root, batch_size=4, worker_ttl_s=2
        )
        self.ending.callback(lambda: worker.popen.poll() is None and worker.stop())
        return worker


@contextmanager
def mixed(folder: Path, previous: Path) -> Iterator[Mixed]:
    valkey = EmbeddedValkey(folder)
    valkey.start()
    with ExitStack() as ending:
        ending.callback(valkey.stop)
        yield Mixed(folder, valkey.url, previous, ending)


def ended(api: Api, location: str) -> dict[str, Any]:
    document: dict[str, Any] = api.get(f"{location}?wait=30").json()
    return document


def assert_serves(api: Api) -> None:
    """Everything that goes from the API to a worker and back."""
    ranking = {"queries": [picture_item(1)], "candidates": LABELS}
    answers = [api.post("/rank", ranking) for _ in range(3)]  # the queue, the cache, the list
    assert [answer.status_code for answer in answers] == [200, 200, 200], answers[0].text
    assert answers[2].json() == answers[0].json()

    pictures = [picture_item(seed) for seed in range(10, 15)]
    submitted = api.post("/encode?wait=0", [*pictures, {"text": "a cat"}])
    done = ended(api, submitted.headers["Location"])
    assert (done["status"], len(done["result"])) == ("done", 6)

    no_picture = blob(b"not a picture")
    refused = api.post("/encode", [no_picture])
    assert [fault["code"] for fault in refused.json()["errors"]] == ["not_an_image"]
    partial = {"queries": [no_picture, pictures[0]], "candidates": LABELS, "allow_partial": True}
    assert api.post("/rank", partial).json()["probabilities"][0] is None

    put = api.put("/label-sets/things", {"candidates": LABELS})
    assert put.status_code < 300
    labelled = api.post("/rank", {"queries": [picture_item(2)], "label_set": "things"})
    assert labelled.status_code == 200, labelled.text
    assert len(api.get("/workers").json()["workers"]) == 1
    assert api.get("/readyz").status_code == 200


@pytest.mark.parametrize("old", ["worker", "api"])
def test_either_side_may_be_of_the_release_before(
    tmp_path_factory: pytest.TempPathFactory, previous: Path, old: str
) -> None:
    with mixed(tmp_path_factory.mktemp("p"), previous) as service:
        worker = service.worker(previous if old == "worker" else ROOT)
        api = service.api(previous if old == "api" else ROOT)
        wait_for_workers(api, [worker])
        assert_serves(api)


def test_a_service_is_upgraded_one_process_at_a_time_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, previous: Path
) -> None:
    with mixed(tmp_path_factory.mktemp("p"), previous) as service:
        old_api, old_worker = service.api(previous), service.worker(previous)
        wait_for_workers(old_api, [old_worker])
        locations = submit(old_api, 0)
        new_worker = service.worker(ROOT)
        wait_for_workers(old_api, [old_worker, new_worker])
        new_api = service.api(ROOT)
        locations += submit(old_api, 1) + submit(new_api, 2)
        assert old_worker.stop() == 0
        locations += submit(new_api, 3)
        wait_until(lambda: new_api.workers() == 1, "the old worker is gone")
        for api in (old_api, new_api):
            statuses = {ended(api, location)["status"] for location in locations}
            assert statuses == {"done"}
        assert_serves(new_api)
        with Redis.from_url(service.redis_url) as redis:
            assert redis.get("clip:open-items") == b"0"


def submit(api: Api, number: int) -> list[str]:
    """Submit jobs of two parts each. Returns their paths."""
    jobs = [
        [{"text": f"{number} {job} {item}"} for item in range(3)]
        + [picture_item(100 * number + 4 * job + item) for item in range(3)]
        for job in range(JOBS)
    ]
    answers = [api.post("/encode?wait=0", job) for job in jobs]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.headers["Location"] for answer in answers]
