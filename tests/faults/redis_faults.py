"""Faults of Redis and of the connections to it, under load."""

import os
import signal
import time
from pathlib import Path

from tests.faults.deployment import deployed
from tests.faults.failover import Pair
from tests.faults.load import Load, Tally, under_load
from tests.redis_clock import set_clock


def killed_with_aof(folder: Path, away_s: float = 2.0) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            service.valkey.kill()
            time.sleep(away_s)
            service.valkey.start()

        return under_load(service, harm)


def frozen(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            os.kill(service.valkey.pid, signal.SIGSTOP)
            time.sleep(10)
            os.kill(service.valkey.pid, signal.SIGCONT)

        return under_load(service, harm)


def emptied(folder: Path) -> Tally:
    """Accepted jobs are lost with the data; waiting clients get an error, and new jobs run."""
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            service.valkey.kill()
            for file in folder.glob("appendonlydir/*"):
                file.unlink()
            service.valkey.start()

        tally = under_load(service, harm)
        tally.may_lose = True
        return tally


def read_only(folder: Path) -> Tally:
    """As when the disk of the AOF is full."""
    with deployed(folder) as service, service.redis() as redis:

        def harm(_: Load) -> None:
            redis.config_set("min-replicas-to-write", 1)
            time.sleep(5)
            redis.config_set("min-replicas-to-write", 0)

        return under_load(service, harm)


def connections_cut(folder: Path) -> Tally:
    with deployed(folder, workers=2) as service, service.redis() as redis:

        def harm(load: Load) -> None:
            for _ in range(10):
                redis.client_kill_filter(_type="normal", skipme=True)
                redis.client_kill_filter(_type="pubsub", skipme=True)
                load.wait_for(done=10)

        return under_load(service, harm)


def failed_over(folder: Path) -> Tally:
    pair = Pair(folder)
    with deployed(folder, valkey=pair) as service:
        return under_load(service, lambda _: pair.fail_over())


def clock_set(folder: Path, ahead_s: float) -> Tally:
    with deployed(folder, workers=2) as service:

        def harm(_: Load) -> None:
            with service.redis() as redis:
                set_clock(redis, ahead_s)

        return under_load(service, harm)
