"""GET /metrics: the counts of all API processes, and the state of the ledger."""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.protocol.messages import ModelInfo
from tests.conftest import ClientMaker
from tests.images import image_item
from tests.processes import Api, start_api, wait_until
from tests.scrape import Scrape

NOWHERE = "redis://127.0.0.1:1/0"
KEY = "a-key-0123456789abcdef"
FILES_OF_BOTH = {f"{kind}_{place}.db" for kind in ("counter", "histogram") for place in (0, 1)}


@pytest.fixture(scope="module")
def two_processes(folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Beside `service`, on its worker."""
    api = start_api(folder, service_redis_url, api_processes=2)
    yield api
    api.stop()


def children_of(api: Api) -> set[int]:
    pid = api.process.popen.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def replace_each_child(api: Api) -> None:
    """Kill the API's processes one after the other, as the kernel does when memory runs out."""
    for victim in children_of(api):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(children_of(api) - {victim}) == 2, "another takes its place")  # noqa: B023


def on_new_connections(api: Api, path: str, times: int) -> None:
    """Whichever process accepts a connection answers."""

    def get(_: int) -> None:
        requests.get(f"{api.url}{path}", timeout=20)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(get, range(times)))


def until_both_have_counted(api: Api, path: str) -> int:
    """How many calls of `path` it took until each of the two processes had answered some."""
    calls = 0

    def both() -> bool:
        nonlocal calls
        on_new_connections(api, path, 50)
        calls += 50
        return {file.name for file in metrics_files(api)} == FILES_OF_BOTH

    wait_until(both, "both processes have counted")
    return calls


def test_every_process_reports_the_counts_of_all(service: Api, two_processes: Api) -> None:
    before = Scrape.of(two_processes.url).total(
        "clip_requests_total", route="/healthz", status="200"
    )
    calls = until_both_have_counted(two_processes, "/healthz")
    told = {
        Scrape.of(two_processes.url).total("clip_requests_total", route="/healthz")
        for _ in range(20)
    }
    assert told == {before + calls}
    seen = Scrape.of(two_processes.url)
    assert seen.total("clip_request_seconds_count", route="/healthz") == before + calls
    assert seen.total("clip_request_seconds_bucket", route="/healthz", le="+Inf") == before + calls


def metrics_files(api: Api) -> list[Path]:
    """The files that the API's processes count in: whichever has counted has its own mapped."""
    maps = "".join(Path(f"/proc/{child}/maps").read_text() for child in children_of(api))
    [folder] = {
        str(Path(path).parent) for path in re.findall(r"(/\S+_\d+\.db)$", maps, re.MULTILINE)
    }
    return list(Path(folder).iterdir())


def test_a_process_that_dies_takes_no_count_with_it_and_leaves_no_file(
    service: Api, two_processes: Api
) -> None:
    before = until_both_have_counted(two_processes, "/nowhere")
    assert not_found(two_processes) == before
    replace_each_child(two_processes)
    after = until_both_have_counted(two_processes, "/nowhere")
    assert not_found(two_processes) == before + after


def not_found(api: Api) -> float:
    return Scrape.of(api.url).total("clip_requests_total", route="none", status="404")


def test_its_files_go_with_it(folder: Path, redis_url: str) -> None:
    api = start_api(folder, redis_url)
    [place] = {path.parent for path in metrics_files(api)}
    api.stop()
    assert not place.exists()


def told_by(client: FlaskClient, **headers: str) -> Scrape:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape.parse(answer.text)


def test_no_label_is_anything_that_a_client_wrote(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url)
    for path in (
        "/secret-path",
        "/jobs/secret-job",
        "/label-sets/secret-set",
        "/rank?model=secret",
    ):
        client.get(path, headers={"X-Request-Id": "secret-id", "Host": "secret"})
    client.open("/jobs", method="SECRET")
    client.post("/rank", json={"secret": 1})
    seen = told_by(client)
    assert "secret" not in str(seen.families).lower()
    assert seen.total("clip_requests_total", route="/jobs/<job>", status="404") == 1
    assert seen.total("clip_requests_total", route="none", status="404") == 1
    assert seen.total("clip_requests_total", route="none", status="405") == 2
    assert seen.total("clip_request_seconds_count") == 6


def test_refusals_are_counted_by_their_code(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url)
    assert told_by(client).total("clip_errors_total") == 0
    client.post("/rank", json={})
    client.post("/rank", data="{")
    client.post("/encode", json=[{"text": "a"}])
    client.get("/jobs/none")
    seen = told_by(client)
    for code in ("invalid_request", "unsupported_media_type", "no_worker", "not_found"):
        assert seen.total("clip_errors_total", code=code) == 1, code
    assert seen.total("clip_errors_total") == 4


def test_answers_from_the_cache_are_counted_apart_from_those_of_workers(
    make_client: ClientMaker,
) -> None:
    client = make_client()
    for path in ("/encode", "/encode", "/encode?wait=0"):
        client.post(path, json=[{"text": "counted by the cache"}])
    client.post("/encode", json=[])
    seen = told_by(client)
    assert seen.total("clip_cached_answers_total", result="miss") == 1
    assert seen.total("clip_cached_answers_total", result="hit") == 1


def test_the_backlog_is_read_from_the_ledger(
    make_api: ClientMaker, redis_url: str, redis: Redis
) -> None:
    client = make_api(redis_url=redis_url, max_open_items=7, part_queries=1)
    empty = told_by(client)
    assert empty.total("clip_redis_up") == 1
    assert empty.total("clip_open_items_limit") == 7
    for name in ("clip_open_items", "clip_oldest_open_item_seconds", "clip_queued_parts"):
        assert name in empty.names
        assert empty.total(name) == 0, name
    images = [image_item(seed) for seed in range(3)]
    job = client.post("/encode?wait=0", json=images).headers["X-Job-Id"]
    redis.zadd("clip:open", {f"{job}:0:1": redis.time()[0] - 100})
    redis.set("clip:republished", 3)
    seen = told_by(client)
    assert seen.total("clip_open_items") == 3
    assert seen.total("clip_queued_parts", queue="bulk") == 3
    assert seen.total("clip_queued_parts", queue="interactive") == 0
    assert 99 < seen.total("clip_oldest_open_item_seconds") < 110
    assert seen.total("clip_republished_parts_total") == 3
    client.post(f"/jobs/{job}/cancel")
    ended = told_by(client)
    assert ended.total("clip_open_items") == 0
    assert ended.total("clip_drained_items_total") == 3


def test_workers_are_counted_by_model_even_without_any(
    make_api: ClientMaker, redis_url: str, redis: Redis
) -> None:
    client = make_api(redis_url=redis_url, models="some/model other/model")
    heartbeats = Heartbeats(redis, ttl_s=5)
    for name in ("one", "two"):
        model = ModelInfo("other/model", "main", 8, 100.0)
        model_queue = "other/model"
        heartbeats.beat(Heartbeat(name, model, "cpu", "float32", 4, 0, 0.0, model_queue))
    redis.zincrby("clip:workers", -3, "two")
    seen = told_by(client)
    assert seen.total("clip_workers", model="other/model") == 2
    assert seen.total("clip_workers", model="some/model") == 0
    assert 3 <= seen.total("clip_heartbeat_age_seconds", model="other/model") < 4
    assert ("queue", "bulk:other/model") in {
        label
        for sample in seen.families["clip_queued_parts"].samples
        for label in sample.labels.items()
    }


def test_without_redis_it_says_so_and_still_counts(make_api: ClientMaker) -> None:
    client = make_api(redis_url=NOWHERE, rate_limit="1 per hour")
    client.post("/rank", json={"queries": [{"text": "a"}], "candidates": [{"text": "b"}]})
    seen = told_by(client)
    assert seen.total("clip_redis_up") == 0
    assert "clip_open_items" not in seen.names
    assert seen.total("clip_requests_total", route="/rank", status="503") == 1
    assert seen.total("clip_errors_total", code="broker_away") == 1


def test_a_scraper_with_a_key_is_never_over_its_rate_and_others_are(
    make_api: ClientMaker, redis_url: str
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="2 per minute", api_keys=KEY)
    for _ in range(4):
        told_by(client, Authorization=f"Bearer {KEY}")
    statuses = [client.get("/metrics", headers={"X-API-Key": "x"}).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
