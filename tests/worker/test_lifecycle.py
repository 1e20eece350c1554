"""A worker process, started as an operator starts it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from common.heartbeats import Heartbeat, Heartbeats
from tests.processes import DEMO_MODEL, ROOT, Process, start, start_worker, wait_until

READY_S = 90


def alive(redis_url: str) -> list[Heartbeat]:
    with Redis.from_url(redis_url) as redis:
        return Heartbeats(redis, ttl_s=5).alive()


def celery(redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker.app", *arguments],
        cwd=ROOT,
        env={"CLIP_REDIS_URL": redis_url, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


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
        assert beat.model.name == str(DEMO_MODEL)
        assert (beat.device, beat.dtype, beat.in_flight) == ("cpu", "float32", 0)
        assert beat.batch_size >= 1


def test_celerys_own_commands_work(redis_url_of_its_own: str, two_workers: list[Process]) -> None:
    status = celery(redis_url_of_its_own, "status")
    assert status.returncode == 0, status.stderr
    assert "2 nodes online" in status.stdout
    queues = celery(redis_url_of_its_own, "inspect", "active_queues", "--json")
    names = {q["name"] for node in json.loads(queues.stdout).values() for q in node}
    assert names == {"interactive", "bulk"}


def test_a_worker_that_is_told_to_end_says_goodbye(
    redis_url_of_its_own: str, two_workers: list[Process]
) -> None:
    assert two_workers[1].stop() == 0
    assert len(alive(redis_url_of_its_own)) == 1


def test_logs_are_json_and_tell_of_the_start(two_workers: list[Process]) -> None:
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


def test_a_device_that_is_not_there_is_told(tmp_path: Path, redis_url: str) -> None:
    settings: dict[str, object] = {"device": "cuda:77", "exit_pause_s": 0}
    worker = start_worker(tmp_path, redis_url, DEMO_MODEL, **settings)
    assert worker.popen.wait(READY_S) == 78
    assert f"CLIP_MODEL: cannot load {DEMO_MODEL}: the device cuda:77 does not take" in worker.log
    assert "Traceback" not in worker.log


def test_another_pool_is_refused(folder: Path, redis_url: str) -> None:
    settings = {"redis_url": redis_url, "model": DEMO_MODEL}
    worker = start(["-m", "celery", "-A", "worker.app", "worker", "-P", "solo"], folder, settings)
    assert worker.popen.wait(READY_S) != 0
    assert "python -m worker" in worker.log
