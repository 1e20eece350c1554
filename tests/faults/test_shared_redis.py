"""Services and other applications that share one Redis."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import pools
from redis import Redis

from tests.faults.test_single_faults import grey, rank_body
from tests.processes import ROOT, Api, fork, start_api, wait_for_workers, wait_until

PREFIXES = ("one:", "team/two.")
QUEUES = ("bulk", "interactive", "bulk:other", "interactive:other")
SETTINGS = {"models": "own,other", "api_processes": 1, "rate_limit": "1000 per minute"}


@contextmanager
def deployed(folder: Path, redis_url: str, prefix: str) -> Iterator[Api]:
    settings: dict[str, Any] = {**SETTINGS, "redis_prefix": prefix}
    api = start_api(folder, redis_url, **settings)
    del settings["api_processes"], settings["rate_limit"]
    worker = fork(["-m", "tests.faults.worker"], folder, {"redis_url": redis_url, **settings})
    try:
        wait_for_workers(api, [worker], 1)
        yield api
    finally:
        api.stop()
        worker.stop()


@pytest.fixture(scope="module")
def foreign(redis_url_of_its_own: str) -> dict[bytes, dict[bytes, bytes]]:
    """Hashes of another application, with the names of our queues."""
    names = (*QUEUES, "celery", "unacked", "_kombu.binding.celery.pidbox", "_kombu.binding.bulk")
    with Redis.from_url(redis_url_of_its_own) as redis:
        for name in names:
            redis.hset(name, "field", "of another application")
    return {name.encode(): {b"field": b"of another application"} for name in names}


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory,
    redis_url_of_its_own: str,
    foreign: dict[bytes, dict[bytes, bytes]],
) -> Iterator[list[Api]]:
    folder = tmp_path_factory.mktemp("services")
    with (
        deployed(folder, redis_url_of_its_own, PREFIXES[0]) as one,
        deployed(folder, redis_url_of_its_own, PREFIXES[1]) as other,
    ):
        yield [one, other]


def submit(api: Api) -> str:
    answer = api.post("/encode", [{"text": "a"}], headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    return answer.headers["Location"]


def status(api: Api, location: str) -> str:
    state: str = api.get(f"{location}?wait=20").json()["status"]
    return state


@contextmanager
def celery_of(redis_url: str, prefix: str) -> Iterator[Celery]:
    """Celery's own client, configured as its documentation says."""
    app = Celery("any", broker=redis_url.replace("unix://", "redis+socket://"))
    app.conf.broker_transport_options = {"global_keyprefix": prefix}
    yield app
    app.close()
    pools.reset()


def test_each_service_sees_its_own_workers_and_jobs(services: list[Api]) -> None:
    workers = [api.get("/workers").json()["workers"] for api in services]
    assert [len(alive) for alive in workers] == [1, 1]
    assert workers[0][0]["name"] != workers[1][0]["name"]
    for api in services:
        assert api.post("/rank", rank_body(grey(1))).status_code == 200
    jobs = [submit(api) for api in services]
    for api, own, foreign in zip(services, jobs, reversed(jobs), strict=True):
        assert status(api, own) == "done"
        assert api.get(foreign).status_code == 404


def test_commands_of_celery_reach_one_service(
    services: list[Api], redis_url_of_its_own: str
) -> None:
    def queues(api: Api) -> list[str]:
        [worker] = api.get("/workers").json()["workers"]
        return sorted(worker["queues"])

    for prefix, api, other in zip(PREFIXES, services, reversed(services), strict=True):
        with celery_of(redis_url_of_its_own, prefix) as app:
            assert len(app.control.ping(timeout=2) or ()) == 1
            app.control.cancel_consumer("bulk", reply=True, timeout=5, limit=1)
            wait_until(lambda api=api: queues(api) == ["interactive"], "it is cancelled")  # type: ignore[misc]
            assert queues(other) == ["bulk", "interactive"]
            app.control.add_consumer("bulk", reply=True, timeout=5, limit=1)
            wait_until(lambda api=api: queues(api) == ["bulk", "interactive"], "it is back")  # type: ignore[misc]


def test_flowers_configuration_finds_the_workers(
    services: list[Api], redis_url_of_its_own: str
) -> None:
    environment = {
        "PYTHONPATH": str(ROOT / "deploy" / "flower"),
        "CELERY_BROKER_URL": redis_url_of_its_own.replace("unix://", "redis+socket://"),
        "CLIP_REDIS_PREFIX": PREFIXES[0],
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "celery", "status"],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, "1 node online" in ended.stdout) == (0, True), ended.stderr


def test_every_name_has_a_prefix_and_foreign_keys_are_untouched(
    services: list[Api], redis_url_of_its_own: str, foreign: dict[bytes, dict[bytes, bytes]]
) -> None:
    for api in services:
        api.put("/label-sets/ours", {"candidates": [{"text": "a"}]})
        assert status(api, submit(api)) == "done"
    with Redis.from_url(redis_url_of_its_own) as redis:
        kept = {name: redis.hgetall(name) for name in foreign}
        ours = set(redis.scan_iter()) - set(foreign)
        channels = set(redis.pubsub_channels())
    assert kept == foreign
    prefixes = tuple(prefix.encode() for prefix in PREFIXES)
    assert not {name for name in ours | channels if not name.startswith(prefixes)}
    assert len({name for name in ours if name.startswith(prefixes[0])}) > 5
