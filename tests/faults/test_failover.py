"""Another Redis takes over while the connections to the old one stay open."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from standalone.valkey import EmbeddedValkey
from tests.pictures import picture_item
from tests.processes import (
    Api,
    Process,
    free_port,
    start,
    start_api,
    wait_for_workers,
    wait_until,
)


@dataclass
class Pair:
    """Two servers, the second a replica of the first, and an address that leads to the primary."""

    folder: Path
    first: EmbeddedValkey
    second: EmbeddedValkey

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'primary.sock'}"

    def lead_to(self, server: EmbeddedValkey) -> None:
        link = self.folder / "primary.sock"
        link.unlink(missing_ok=True)
        link.symlink_to(server.url.removeprefix("unix://"))

    def fail_over(self) -> None:
        """Promote the second; the first becomes its replica and keeps all its connections."""
        with Redis.from_url(self.first.url) as old, Redis.from_url(self.second.url) as new:
            new.replicaof("NO", "ONE")
            self.lead_to(self.second)
            old.replicaof("127.0.0.1", new.config_get("port")["port"])


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("p")
    servers = [EmbeddedValkey(tmp_path_factory.mktemp("p")) for _ in range(2)]
    for server in servers:
        server.start()
        with Redis.from_url(server.url) as redis:
            redis.config_set("port", free_port())
            redis.config_set("repl-diskless-sync-delay", 0)
    pair = Pair(folder, *servers)
    with Redis.from_url(pair.first.url) as old, Redis.from_url(pair.second.url) as new:
        new.replicaof("127.0.0.1", old.config_get("port")["port"])
        wait_until(lambda: new.info()["master_link_status"] == "up", "it replicates")
    pair.lead_to(pair.first)
    yield pair
    for server in servers:
        server.stop()


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
    first = api.post("/rank", {"queries": [picture_item(1)], "candidates": labels})
    assert first.status_code == 200
    pair.fail_over()
    body = {"queries": [picture_item(2)], "candidates": labels}
    wait_until(lambda: api.post("/rank", body).status_code == 200, "a request is answered", 20)
    accepted = api.post("/rank?wait=0", {"queries": [picture_item(3)], "candidates": labels})
    assert accepted.status_code == 202
    document = api.get(f"{accepted.headers['Location']}?wait=15").json()
    assert document["status"] == "done"
    assert worker.popen.poll() is None
