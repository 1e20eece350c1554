"""The threads of a worker that take parts from the queues, on a real server."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery.concurrency.thread import TaskPool
from celery.worker import state
from redis import Redis

from common import connection
from common.messages import message
from common.protocol import BULK, INTERACTIVE, TASK_NAME
from standalone.valkey import EmbeddedValkey
from tests.processes import wait_until
from worker.takers import Takers, bulk_share

THREADS = 4


class Work:
    """Notes what it is given, and holds on to it until it is told to go on."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.done: list[str] = []
        self.may_go_on = threading.Event()
        self.broken: set[str] = set()

    def __call__(self, job: str, part: int, request_id: str, queue: str) -> None:
        assert (part, request_id) == (3, "r")
        self.given.append((queue, job))
        if job in self.broken:
            raise ValueError("a bug")
        self.may_go_on.wait()
        self.done.append(job)

    def count(self, queue: str) -> int:
        return sum(of == queue for of, _ in self.given)


@contextmanager
def taking(url: str, work: Work, threads: int = THREADS) -> Iterator[Takers]:
    pool = TaskPool(threads)
    pool.start()
    takers = Takers(connection.blocking(url), INTERACTIVE, BULK, work)
    takers.begin(pool)
    try:
        yield takers
    finally:
        work.may_go_on.set()
        takers.end()
        pool.stop()


@pytest.fixture
def work() -> Work:
    return Work()


def send(redis: Redis, queue: str, count: int = 1) -> list[str]:
    jobs = [secrets.token_hex(16) for _ in range(count)]
    for job in jobs:
        redis.lpush(queue, message(job, 3, queue, "r"))
    return jobs


def test_parts_are_taken_from_both_queues_in_their_order(
    redis: Redis, redis_url: str, work: Work
) -> None:
    work.may_go_on.set()
    sent = {queue: send(redis, queue, 20) for queue in (INTERACTIVE, BULK)}
    with taking(redis_url, work, threads=1):
        wait_until(lambda: len(work.given) == 40, "all are done")
    for queue, jobs in sent.items():
        assert [job for of, job in work.given if of == queue] == jobs
    assert {queue for queue, _ in work.given[:2]} == {INTERACTIVE, BULK}, "they take turns"


def test_bulk_work_leaves_threads_to_interactive_work(
    redis: Redis, redis_url: str, work: Work
) -> None:
    send(redis, BULK, 10)
    with taking(redis_url, work):
        wait_until(lambda: work.count(BULK) == bulk_share(THREADS), "bulk work has its share")
        send(redis, INTERACTIVE)
        wait_until(lambda: work.count(INTERACTIVE) == 1, "interactive work is taken")
        assert work.count(BULK) == bulk_share(THREADS)
        assert redis.llen(BULK) == 10 - bulk_share(THREADS), "the rest is left to other workers"
        work.may_go_on.set()
        wait_until(lambda: work.count(BULK) == 10, "all is done in the end")


def test_what_raises_costs_itself_alone(redis: Redis, redis_url: str, work: Work) -> None:
    work.may_go_on.set()
    work.broken = set(send(redis, INTERACTIVE, 10))
    send(redis, INTERACTIVE, 10)
    with taking(redis_url, work):
        wait_until(lambda: len(work.given) == 20, "all were tried")


def test_what_is_no_message_is_passed_over(redis: Redis, redis_url: str, work: Work) -> None:
    redis.lpush(INTERACTIVE, b"no message")
    [job] = send(redis, INTERACTIVE)
    with taking(redis_url, work):
        wait_until(lambda: work.given == [(INTERACTIVE, job)], "the one that is one is taken")


def test_celery_is_told_what_is_in_hand(redis: Redis, redis_url: str, work: Work) -> None:
    [job] = send(redis, INTERACTIVE)
    with taking(redis_url, work):
        wait_until(lambda: work.given != [], "it is in hand")
        [shown] = [request.info(safe=True) for request in list(state.active_requests)]
        assert (shown["name"], shown["args"]) == (TASK_NAME, [job, 3])
        work.may_go_on.set()
        wait_until(lambda: not list(state.active_requests), "it is done")


def test_the_end_waits_for_what_is_in_hand_and_takes_no_more(
    redis: Redis, redis_url: str, work: Work
) -> None:
    with taking(redis_url, work) as takers:
        [job] = send(redis, INTERACTIVE)
        wait_until(lambda: len(work.given) == 1, "it is in hand")
        takers.end()
        assert work.done == []
    assert work.done == [job]
    send(redis, INTERACTIVE)
    assert redis.llen(INTERACTIVE) == 1, "nobody is there to take it"


def test_an_outage_and_a_queue_that_is_none_are_outlived(
    tmp_path_factory: pytest.TempPathFactory, work: Work
) -> None:
    work.may_go_on.set()
    server = EmbeddedValkey(tmp_path_factory.mktemp("t"))
    server.start()
    with taking(server.url, work), Redis.from_url(server.url) as redis:
        redis.set(INTERACTIVE, "no list")
        send(redis, BULK)
        wait_until(lambda: work.count(BULK) == 1, "the queue that is one is taken from", 20)
        server.stop()
        server.start()
        send(redis, INTERACTIVE)
        wait_until(lambda: work.count(INTERACTIVE) == 1, "it is taken", 20)
    server.stop()


def test_whoever_is_told_to_end_before_it_begins_takes_nothing(
    redis: Redis, redis_url: str, work: Work
) -> None:
    """A worker may be told so at any moment of its start."""
    send(redis, INTERACTIVE)
    pool = TaskPool(THREADS)
    takers = Takers(connection.blocking(redis_url), INTERACTIVE, BULK, work)
    takers.end()
    takers.begin(pool)
    pool.stop()
    assert (work.given, redis.llen(INTERACTIVE)) == ([], 1)
