"""Bulk work takes half of a worker's threads, and no more."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery
from kombu import pools
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.ledger.jobs import Ledger
from common.ledger.records import NewJob, PartMessage, RequestRecord
from common.protocol.celery_app import make_celery, send_parts
from common.protocol.messages import TASK_NAME, Item, Priority
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import (
    DEMO_MODEL,
    LOOPBACK_ALLOWED,
    Process,
    fork,
    running_worker,
    wait_for_heartbeat,
    wait_until,
)
from worker.queue.bulk_share import is_bulk

THREADS = 6
ENCODE = RequestRecord({"": [0]}, "t", [1])
IMAGE = encoded(noise(8, 8))


@pytest.fixture(scope="module")
def app(redis_url_of_its_own: str) -> Iterator[Celery]:
    app = make_celery(redis_url_of_its_own, socket_timeout_s=10)
    yield app
    pools.reset()  # Kombu shares them between applications


@pytest.fixture(scope="module")
def worker(folder: Path, redis_url_of_its_own: str) -> Iterator[Process]:
    """With a fake model: what counts is who has a thread."""
    with running_worker(
        ["-m", "tests.faults.worker"], folder, redis_url_of_its_own, concurrency=THREADS
    ) as worker:
        yield worker


@pytest.fixture
def ledger(redis_url_of_its_own: str) -> Iterator[Ledger]:
    with Redis.from_url(redis_url_of_its_own) as redis:
        yield Ledger(redis)


def send(app: Celery, ledger: Ledger, job: str, item: Item, priority: Priority) -> None:
    new = NewJob(job, "encode", priority, [[item]], ENCODE, "r", 600, 60)
    assert ledger.create(new, {}, max_open_items=1000, worker_ttl_s=5).outcome == "created"
    send_parts(app, [PartMessage(job, 0, priority.value, "r")])


def text(value: str) -> Item:
    return Item("text", value, queries=1, required=True)


def beat(redis_url: str) -> Heartbeat:
    with Redis.from_url(redis_url) as redis:
        [found] = Heartbeats(redis, ttl_s=5).alive()
    return found


def are_done(ledger: Ledger, jobs: list[str]) -> bool:
    return all(ledger.ended(jobs))


def test_bulk_parts_leave_half_of_the_threads(
    app: Celery, worker: Process, ledger: Ledger, redis_url_of_its_own: str
) -> None:
    with ImageServer().running() as server, ExitStack() as at_the_end:
        images = [Stalling(server, IMAGE) for _ in range(2 * THREADS)]
        for image in images:
            at_the_end.callback(image.let_go.set)
        bulk = [f"bulk-{number}" for number in range(len(images))]
        for job, image in zip(bulk, images, strict=True):
            item = Item("uri", image.url, queries=1, required=True)
            send(app, ledger, job, item, Priority.BULK)
        for image in images[: THREADS // 2]:
            assert image.asked.acquire(timeout=30)
        url = redis_url_of_its_own
        wait_until(lambda: len(beat(url).parts) == THREADS // 2, "a heartbeat names them")
        assert set(beat(url).consumed_queues) == {"bulk", "interactive"}, "bulk is but paused"
        interactive = [f"interactive-{number}" for number in range(20)]
        for job in interactive:
            send(app, ledger, job, text(job), Priority.INTERACTIVE)
        wait_until(lambda: are_done(ledger, interactive), "interactive parts are done")
        assert not any(image.asked.acquire(blocking=False) for image in images[THREADS // 2 :])
        at_the_end.close()
        wait_until(lambda: are_done(ledger, bulk), "bulk parts are done")


def test_a_bulk_queue_that_was_cancelled_stays_so(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    """`control cancel_consumer` also counts while the worker has stopped consuming by itself."""
    with ImageServer().running() as server, ExitStack() as at_the_end:
        image = Stalling(server, IMAGE)
        at_the_end.callback(image.let_go.set)
        for number in range(THREADS // 2):
            item = Item("uri", f"{image.url}", queries=1, required=True)
            send(app, ledger, f"holding-{number}", item, Priority.BULK)
            assert image.asked.acquire(timeout=30)
        app.control.cancel_consumer("bulk", reply=True, timeout=5, limit=1)
        at_the_end.close()
        wait_until(
            lambda: are_done(ledger, [f"holding-{n}" for n in range(THREADS // 2)]), "all are done"
        )
        send(app, ledger, "left", text("left"), Priority.BULK)
        send(app, ledger, "taken", text("taken"), Priority.INTERACTIVE)
        wait_until(lambda: are_done(ledger, ["taken"]), "the other queue is consumed")
        assert not are_done(ledger, ["left"])
        app.control.add_consumer("bulk", reply=True, timeout=5, limit=1)
        wait_until(lambda: are_done(ledger, ["left"]), "the queue is consumed again")


def test_parts_that_celery_holds_back_have_no_thread(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    for number in range(THREADS):
        app.send_task(TASK_NAME, [f"later-{number}", 0], queue="bulk", countdown=3600)
    send(app, ledger, "now", text("now"), Priority.BULK)
    wait_until(lambda: are_done(ledger, ["now"]), "bulk work goes on")


def test_a_part_that_is_sent_several_times_counts_as_often(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    with ImageServer().running() as server, ExitStack() as at_the_end:
        image = Stalling(server, IMAGE)
        at_the_end.callback(image.let_go.set)
        item = Item("uri", image.url, queries=1, required=True)
        send(app, ledger, "often", item, Priority.BULK)
        send_parts(app, [PartMessage("often", 0, "bulk", "r")] * (2 * THREADS))
        for _ in range(THREADS // 2):
            assert image.asked.acquire(timeout=30)
        send(app, ledger, "beside", text("beside"), Priority.INTERACTIVE)
        wait_until(lambda: are_done(ledger, ["beside"]), "interactive work goes on")


def test_bulk_parts_alone_follow_each_other_at_once(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    """A queue that is consumed again must not wait for the end of a blocking read."""
    bulk = [f"quick-{number}" for number in range(200)]
    for job in bulk:
        send(app, ledger, job, text(job), Priority.BULK)
    wait_until(lambda: are_done(ledger, bulk), "all are done", timeout_s=20)


def test_a_queue_is_known_by_its_name() -> None:
    assert is_bulk("bulk")
    assert is_bulk("bulk:some/model")
    assert not is_bulk("interactive:bulk")
    assert not is_bulk("bulky")


def test_a_worker_for_bulk_work_alone_uses_all_its_threads(
    app: Celery, ledger: Ledger, folder: Path, redis_url_of_its_own: str, worker: Process
) -> None:
    app.control.shutdown()
    assert worker.popen.wait(30) == 0
    settings = {"redis_url": redis_url_of_its_own, "model": DEMO_MODEL, **LOOPBACK_ALLOWED}
    command = f"-A worker.app worker -P threads -c {THREADS} -Q bulk".split()
    bulk_worker = fork(["-m", "celery", *command], folder, settings)
    wait_for_heartbeat(bulk_worker, redis_url_of_its_own)
    with ImageServer().running() as server:
        image = Stalling(server, IMAGE)
        for number in range(THREADS):
            item = Item("uri", image.url, queries=1, required=True)
            send(app, ledger, f"alone-{number}", item, Priority.BULK)
        for _ in range(THREADS):
            assert image.asked.acquire(timeout=30)
        image.let_go.set()
        assert bulk_worker.stop() == 0
