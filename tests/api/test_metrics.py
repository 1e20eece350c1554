"""GET /metrics: what several API processes counted, and what the ledger tells."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from redis import Redis

from common.jobs import Ledger
from common.protocol import BULK, Item
from common.records import NewJob
from standalone.valkey import EmbeddedValkey
from tests.conftest import ClientMaker
from tests.processes import Api, start_api, wait_until
from tests.scrape import Scrape

NOWHERE = "redis://127.0.0.1:1/0"
KEY = {"X-API-Key": "a-key-0123456789abcdef"}


@pytest.fixture(scope="module")
def two_processes(folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Beside `service`, on its worker."""
    api = start_api(folder, service_redis_url, api_processes=2)
    yield api
    api.stop()


def scrape(api: Api) -> Scrape:
    """What is told when nothing is under way."""
    return Scrape.of(api.url)


def children_of(api: Api) -> set[int]:
    pid = api.process.popen.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def on_new_connections(api: Api, path: str, times: int) -> None:
    """Whichever process accepts a connection answers; many make sure that both do."""

    def get(_: int) -> None:
        requests.get(f"{api.url}{path}", timeout=20)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(get, range(times)))


def test_every_process_tells_what_all_of_them_counted(service: Api, two_processes: Api) -> None:
    before = scrape(two_processes).total("clip_requests_total", route="/healthz", status="200")
    on_new_connections(two_processes, "/healthz", 200)
    files = metrics_files(two_processes)
    assert {path.name for path in files} == {
        f"{kind}_{place}.db" for kind in ("counter", "histogram") for place in (0, 1)
    }
    told = {scrape(two_processes).total("clip_requests_total", route="/healthz") for _ in range(20)}
    assert told == {before + 200}
    seen = scrape(two_processes)
    assert seen.total("clip_request_seconds_count", route="/healthz") == before + 200
    assert seen.total("clip_request_seconds_bucket", route="/healthz", le="+Inf") == before + 200


def metrics_files(api: Api) -> list[Path]:
    """The files that the API's processes count in: one of them has them mapped."""
    child = min(children_of(api))
    maps = Path(f"/proc/{child}/maps").read_text()
    [folder] = {str(Path(path).parent) for path in re.findall(r"(/\S+_\d+\.db)$", maps, re.M)}
    return list(Path(folder).iterdir())


def test_a_process_that_dies_takes_no_count_with_it_and_leaves_no_file(
    service: Api, two_processes: Api
) -> None:
    on_new_connections(two_processes, "/nowhere", 50)
    assert scrape(two_processes).total("clip_requests_total", route="none", status="404") == 50
    files = set(metrics_files(two_processes))
    for victim in children_of(two_processes):
        siblings = children_of(two_processes)
        import os

        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda victim=victim, siblings=siblings: (
                victim not in children_of(two_processes)
                and len(children_of(two_processes)) == len(siblings)
            ),
            "another process takes its place",
        )
    wait_until(lambda: two_processes.get("/healthz").ok, "it is served")
    on_new_connections(two_processes, "/nowhere", 10)
    assert scrape(two_processes).total("clip_requests_total", route="none", status="404") == 60
    assert set(metrics_files(two_processes)) == files


def test_its_files_go_with_it(folder: Path, redis_url: str) -> None:
    api = start_api(folder, redis_url)
    [place] = {path.parent for path in metrics_files(api)}
    api.stop()
    assert not place.exists()
