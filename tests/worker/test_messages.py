"""Whoever can write to Redis cannot make a worker run code, or end it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from common.broker import make_celery
from common.jobs import Ledger, job_key
from common.messages import message as sent
from common.protocol import BULK, INTERACTIVE, TASK_NAME, Item, queues_of
from common.records import NewJob
from tests.processes import Process, start, wait_until
from tests.worker.hostile import ACTS, payloads

TEXT = Item("text", "a cat", queries=1, required=True)


class Scene:
    """A worker, and somebody else who writes to its Redis."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.redis = Redis.from_url(redis_url)
        self.ledger = Ledger(self.redis)
        self.app = make_celery(redis_url, socket_timeout_s=5)
        settings = {"redis_url": redis_url, "batch_size": 4}
        self.worker: Process = start(["-m", "tests.faults.worker"], folder, settings)
        wait_until(lambda: "worker_ready" in self.worker.log, "the worker is ready", 60)

    def create(self, queue: str = INTERACTIVE) -> str:
        job = secrets.token_hex(16)
        new = NewJob(job, "encode", queue, [[TEXT]], {}, "r", 60, 60)
        self.ledger.create(new, {}, max_open_items=1000, worker_ttl_s=0)
        return job

    def assert_works(self, queue: str = INTERACTIVE) -> None:
        """A good job is done."""
        job = self.create(queue)
        # A queue that is no list takes no message until the worker has mended it.
        wait_until(lambda: self.redis.type(queue) in (b"list", b"none"), "the queue is one")
        self.redis.lpush(queue, sent(job, 0, queue, "r"))
        wait_until(lambda: self.ledger.ended([job])[0], f"the job is done\n{self.worker.log}")
        record = self.ledger.read(job)
        assert record is not None
        assert record.state == "done"
        assert self.worker.popen.poll() is None

    def assert_nothing_left(self) -> None:
        wait_until(
            lambda: not self.redis.exists(*queues_of(""), "stolen"),
            f"nothing is left in the queues: {self.redis.keys()}",
        )


@pytest.fixture(scope="module")
def scene(folder: Path, redis_url_of_its_own: str) -> Iterator[Scene]:
    scene = Scene(folder, redis_url_of_its_own)
    yield scene
    scene.redis.close()
    if scene.worker.popen.poll() is None:
        assert scene.worker.stop() == 0


@pytest.mark.parametrize("name", ACTS)
def test_a_worker_outlives(scene: Scene, name: str) -> None:
    ACTS[name](scene.redis)
    scene.assert_works()


def test_a_worker_fails_the_job_of_a_part_that_is_none(scene: Scene) -> None:
    job = scene.create("interactive:another")
    scene.redis.hset(job_key(job), "items:0", '[["uri", 5, -1, "yes"]]')
    scene.redis.lpush(INTERACTIVE, sent(job, 0, INTERACTIVE, "r"))
    wait_until(lambda: scene.ledger.ended([job])[0], "the job has ended")
    record = scene.ledger.read(job)
    assert record is not None
    assert record.state == "failed"
    scene.assert_works()


def test_operators_still_see_the_worker(scene: Scene) -> None:
    answers = scene.app.control.inspect(timeout=10, limit=1).registered() or {}
    assert list(answers.values()) == [[TASK_NAME]]


def test_neither_queue_nor_account_holds_anything_after_all_of_it(scene: Scene) -> None:
    scene.assert_works(BULK)
    scene.assert_nothing_left()
    assert scene.worker.popen.poll() is None


def test_no_message_runs_code(scene: Scene, tmp_path: Path) -> None:
    marker = tmp_path / "created"
    for act in payloads(marker).values():
        act(scene.redis)
        scene.assert_works()
    scene.assert_nothing_left()
    assert not marker.exists()
