"""A worker process, started as an operator starts it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.redis.keys import KEYS
from tests.processes import DEMO_MODEL, Process, fork, start_worker, wait_for_heartbeat, wait_until

READY_S = 90


def alive(redis_url: str) -> list[Heartbeat]:
    with Redis.from_url(redis_url) as redis:
        return Heartbeats(redis, ttl_s=5).alive()


@pytest.fixture(scope="module")
def two_workers(folder: Path, redis_url_of_its_own: str) -> Iterator[list[Process]]:
    workers = [start_worker(folder, redis_url_of_its_own, DEMO_MODEL) for _ in range(2)]
    wait_until(lambda: len(alive(redis_url_of_its_own)) == 2, "both workers beat", READY_S)
    yield workers
    for worker in workers:
        if worker.popen.poll() is None:
            worker.stop()


def test_several_workers_on_one_host_just_work(
    redis_url_of_its_own: str, two_workers: list[Process]
) -> None:
    one, other = alive(redis_url_of_its_own)
    assert one.name != other.name
    for beat in (one, other):
        assert beat.model.name == DEMO_MODEL.name
        assert (beat.device, beat.dtype, beat.in_flight) == ("cpu", "float32", 0)
        assert beat.batch_size >= 1


def test_a_worker_that_is_stopped_leaves_at_once(
    redis_url_of_its_own: str, two_workers: list[Process]
) -> None:
    assert two_workers[1].stop() == 0
    assert len(alive(redis_url_of_its_own)) == 1


def test_logs_are_json_and_show_the_start(two_workers: list[Process]) -> None:
    lines = [json.loads(line) for line in two_workers[0].log.splitlines() if line.startswith("{")]
    events = [line["event"] for line in lines]
    assert events.index("model_loaded") < events.index("model_warm") < events.index("worker_ready")
    assert all(line["process"] == "worker" for line in lines)


@pytest.mark.parametrize(
    "config",
    [None, "{}", "no json", '{"model_type": "bert"}', '{"model_type": "clip"}'],
)
def test_an_unsuitable_model_ends_the_worker_with_a_message(
    tmp_path: Path, redis_url: str, config: str | None
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    worker = start_worker(tmp_path, redis_url, tmp_path, exit_pause_s=0)
    assert worker.popen.wait(READY_S) == 78
    assert f"CLIP_MODEL: cannot load {tmp_path}" in worker.log
    assert "Traceback" not in worker.log


def test_a_worker_without_its_model_pauses_before_it_ends(tmp_path: Path, redis_url: str) -> None:
    """Or a supervisor would start it again and again as fast as it can."""
    worker = start_worker(tmp_path, redis_url, "no/such/folder", exit_pause_s=600)
    wait_until(lambda: "CLIP_MODEL: cannot load no/such/folder" in worker.log, "why", READY_S)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.popen.wait(1)
    worker.stop(timeout_s=10)


def test_a_device_that_is_not_there_is_reported(tmp_path: Path, redis_url: str) -> None:
    settings: dict[str, object] = {"device": "cuda:77", "exit_pause_s": 0}
    worker = start_worker(tmp_path, redis_url, DEMO_MODEL, **settings)
    assert worker.popen.wait(READY_S) == 78
    assert f"CLIP_MODEL: cannot load {DEMO_MODEL}: the device cuda:77 does not take" in worker.log
    assert "Traceback" not in worker.log


def test_another_pool_is_refused(folder: Path, redis_url: str) -> None:
    settings = {"redis_url": redis_url, "model": DEMO_MODEL}
    worker = fork(["-m", "celery", "-A", "worker.app", "worker", "-P", "solo"], folder, settings)
    assert worker.popen.wait(READY_S) == 64
    assert "start the worker with --pool=threads, or with `python -m worker`" in worker.log


def test_a_worker_that_celery_gives_up_ends_with_an_error(folder: Path, redis_url: str) -> None:
    """So that a supervisor starts another. What is no message at all ends Celery's consumer."""
    worker = fork(["-m", "tests.faults.worker"], folder, {"redis_url": redis_url})
    wait_for_heartbeat(worker, redis_url)
    with Redis.from_url(redis_url) as redis:
        redis.lpush(KEYS("interactive"), "no message")
    assert worker.popen.wait(READY_S) != 0
    assert "Unrecoverable error" in worker.log
