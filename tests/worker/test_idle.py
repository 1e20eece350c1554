"""The load of an idle worker on Redis."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import pools
from redis import Redis

from common.ledger.jobs import Ledger
from common.ledger.records import NewJob, PartMessage, RequestRecord
from common.protocol.celery_app import make_celery, send_parts
from common.protocol.messages import Item, Priority
from tests.processes import Process, running_worker, wait_until

THREADS = 64
MAX_CONNECTIONS = 8
MAX_COMMANDS_PER_S = 5
WATCHED_S = 8.0
END = "the end"


@pytest.fixture(scope="module")
def worker(folder: Path, redis_url_of_its_own: str) -> Iterator[Process]:
    with running_worker(
        ["-m", "tests.faults.worker"], folder, redis_url_of_its_own, concurrency=THREADS
    ) as worker:
        yield worker


@pytest.fixture
def redis(redis_url_of_its_own: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url_of_its_own) as redis:
        yield redis


def keep_all_threads_busy(redis: Redis, url: str) -> None:
    app, ledger = make_celery(url, socket_timeout_s=10), Ledger(redis)
    jobs = [f"burst-{number}" for number in range(3 * THREADS)]
    for job in jobs:
        part = [Item("text", job, queries=1, required=True)]
        new = NewJob(
            job, "encode", Priority.INTERACTIVE, [part], RequestRecord({}, "t", [1]), "r", 60, 60
        )
        ledger.create(new, {}, max_open_items=1000, worker_ttl_s=5)
    send_parts(app, [PartMessage(job, 0, "interactive", "r") for job in jobs])
    wait_until(lambda: all(ledger.ended(jobs)), "all are done")
    pools.reset()  # Kombu shares them between applications


def connections(redis: Redis) -> int:
    """Those of the worker alone."""
    return len(redis.client_list()) - 1


def commands_sent(redis: Redis, seconds: float) -> Counter[str]:
    """The commands that come from a client, not from a script, within so many seconds."""
    sent: Counter[str] = Counter()
    timer = threading.Timer(seconds, lambda: redis.echo(END))
    with redis.monitor() as monitor:  # type: ignore[no-untyped-call]
        timer.start()
        for command in monitor.listen():
            if END in command["command"]:
                break
            if command["client_type"] != "lua":
                sent[command["command"].split()[0]] += 1
    timer.join()
    return sent


def test_an_idle_worker_costs_next_to_nothing(
    worker: Process, redis: Redis, redis_url_of_its_own: str
) -> None:
    keep_all_threads_busy(redis, redis_url_of_its_own)
    wait_until(lambda: connections(redis) <= MAX_CONNECTIONS, "idle connections are closed")
    started = time.monotonic()
    sent = commands_sent(redis, WATCHED_S)
    assert sent.total() / (time.monotonic() - started) <= MAX_COMMANDS_PER_S, sent
    assert connections(redis) <= MAX_CONNECTIONS
