"""What the health check of a worker's container says."""

import subprocess
import sys
from dataclasses import replace

from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats, new_name
from common.protocol.messages import ModelInfo
from tests.processes import ROOT, free_port

BEAT = Heartbeat(new_name(), ModelInfo("m", "r", 3, 99.5), "cpu", "float32", 4, 2, 1.5)


def check(redis_url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "worker.health"],
        cwd=ROOT,
        env={"CLIP_REDIS_URL": redis_url, "CLIP_METRICS_PORT": "9100"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_worker_with_heartbeats_is_healthy(redis: Redis, redis_url: str) -> None:
    Heartbeats(redis, ttl_s=30).beat(BEAT)
    checked = check(redis_url)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert BEAT.name in checked.stdout


def test_a_worker_that_has_left_is_not(redis: Redis, redis_url: str) -> None:
    beats = Heartbeats(redis, ttl_s=30)
    beats.beat(BEAT)
    beats.leave(BEAT.name)
    assert check(redis_url).returncode == 1


def test_workers_of_other_hosts_do_not_count(redis: Redis, redis_url: str) -> None:
    Heartbeats(redis, ttl_s=30).beat(replace(BEAT, name=f"x{new_name()}"))
    Heartbeats(redis, ttl_s=30).beat(replace(BEAT, name=new_name().replace("-", "-2-", 1)))
    checked = check(redis_url)
    assert checked.returncode == 1
    assert "no live worker" in checked.stdout


def test_without_redis_it_says_so_and_ends() -> None:
    checked = check(f"redis://127.0.0.1:{free_port()}/0")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "Redis does not answer" in checked.stdout


def test_it_loads_neither_torch_nor_celery(redis_url: str) -> None:
    loaded = {
        line.rpartition("|")[2].strip()
        for line in check(redis_url, "-X", "importtime").stderr.splitlines()
    }
    assert "redis" in loaded
    assert loaded.isdisjoint({"torch", "celery", "kombu", "PIL", "transformers"})
