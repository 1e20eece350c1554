"""Another Redis takes over while the connections to the old one stay open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.failover import Pair
from tests.images import image_item
from tests.processes import (
    Api,
    Process,
    start,
    start_api,
    wait_for_workers,
    wait_until,
)


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("p"))
    pair.start()
    yield pair
    pair.stop()


@pytest.fixture
def api(pair: Pair, folder: Path) -> Iterator[Api]:
    api = start_api(folder, pair.url, sync_timeout_s=20)
    yield api
    api.stop()


@pytest.fixture
def worker(pair: Pair, folder: Path, api: Api) -> Iterator[Process]:
    worker = start(["-m", "tests.faults.worker"], folder, {"redis_url": pair.url})
    wait_for_workers(api, [worker])
    yield worker
    worker.stop()


def test_interactive_and_bulk_work_goes_on(pair: Pair, api: Api, worker: Process) -> None:
    labels = [{"text": "a cat"}]
    first = api.post("/rank", {"queries": [image_item(1)], "candidates": labels})
    assert first.status_code == 200
    pair.fail_over()
    body = {"queries": [image_item(2)], "candidates": labels}
    wait_until(lambda: api.post("/rank", body).status_code == 200, "a request is answered", 20)
    accepted = api.post("/rank?wait=0", {"queries": [image_item(3)], "candidates": labels})
    assert accepted.status_code == 202
    document = api.get(f"{accepted.headers['Location']}?wait=15").json()
    assert document["status"] == "done"
    assert worker.popen.poll() is None
