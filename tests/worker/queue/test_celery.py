"""A worker used with Celery's own command line and client."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from tests.processes import DEMO_MODEL, Process, running_worker, wait_until

NODE = "one@host"
ENCODE = RequestRecord({"": [0]}, "t", [1])


@contextmanager
def client(redis_url: str) -> Iterator[Celery]:
    app = make_celery(redis_url, socket_timeout_s=10, task_events=True)
    yield app
    pools.reset()  # Kombu shares them between applications


@pytest.fixture
def app(redis_url_of_its_own: str) -> Iterator[Celery]:
    with client(redis_url_of_its_own) as app:
        yield app


@pytest.fixture(scope="module")
def worker(folder: Path, redis_url_of_its_own: str) -> Iterator[Process]:
    """`celery worker`, as its documentation says."""
    command = f"-A worker.app worker -P threads -c 8 -Q interactive,bulk -n {NODE} -E".split()
    with running_worker(
        ["-m", "celery", *command], folder, redis_url_of_its_own, model=DEMO_MODEL
    ) as worker:
        yield worker


@pytest.fixture
def ledger(redis_url_of_its_own: str) -> Iterator[Ledger]:
    with Redis.from_url(redis_url_of_its_own) as redis:
        yield Ledger(redis)


def inspect(app: Celery, command: str) -> Any:
    """What `celery inspect` shows of the worker."""
    inspector = app.control.inspect(destination=[NODE], timeout=5, limit=1)
    return getattr(inspector, command)()[NODE]


def reply(app: Celery, command: str, **arguments: object) -> dict[str, Any]:
    """What the worker answers to a command of Celery's remote control."""
    replies: Any = app.control.broadcast(
        command, arguments, destination=[NODE], reply=True, timeout=5, limit=1
    )
    answer: dict[str, Any] = replies[0][NODE]
    return answer


def create(
    ledger: Ledger, job: str, item: Item | None = None, priority: Priority = Priority.BULK
) -> str:
    """A job of one part that nothing was sent for."""
    part = [item or Item("text", f"a text for {job}", queries=1, required=True)]
    new = NewJob(job, "encode", priority, [part], ENCODE, f"request-of-{job}", 60, 60)
    assert ledger.create(new, {}, max_open_items=100, worker_ttl_s=5).outcome == "created"
    return job


def send(app: Celery, job: str, queue: str = "bulk") -> None:
    send_parts(app, [PartMessage(job, 0, queue, f"request-of-{job}")])


def state(ledger: Ledger, job: str) -> str:
    record = ledger.read(job)
    return record.state if record else ""


def wait_for(ledger: Ledger, job: str, wanted: str = "done") -> None:
    wait_until(lambda: state(ledger, job) == wanted, f"{job} is {wanted}")


def test_a_heartbeat_names_the_node_and_counts_what_was_encoded(
    app: Celery, worker: Process, ledger: Ledger, redis_url_of_its_own: str
) -> None:
    def beat() -> Heartbeat:
        with Redis.from_url(redis_url_of_its_own) as redis:
            [beat] = Heartbeats(redis, ttl_s=5).alive()
        return beat

    replies: list[Any] = []

    def is_answered() -> bool:
        replies.extend(app.control.ping(timeout=1, limit=1) or [])
        return bool(replies)

    wait_until(is_answered, "the node answers")
    assert [beat().node] == list(replies[0])
    before = beat().encoded_texts
    assert before is not None
    send(app, create(ledger, "of-a-text"))
    wait_for(ledger, "of-a-text")
    wait_until(lambda: beat().encoded_texts == before + 1, "the text is counted")


@contextmanager
def recorded_events(app: Celery) -> Iterator[list[dict[str, Any]]]:
    """The events of tasks that are sent meanwhile, as Flower gets them."""
    events: list[dict[str, Any]] = []
    is_listening, is_over = threading.Event(), threading.Event()

    def listen() -> None:
        with app.connection() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": events.append})
            for _ in receiver.itercapture(limit=None, timeout=None, wakeup=True):
                is_listening.set()
                if is_over.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert is_listening.wait(30)
    yield events
    is_over.set()  # the worker's next heartbeat ends it
    thread.join(30)


@contextmanager
def stalled_part(app: Celery, ledger: Ledger, job: str) -> Iterator[None]:
    """A part that runs until the end of the block."""
    with ImageServer().running() as server:
        image = Stalling(server, encoded(noise(32, 32)))
        create(ledger, job, Item("uri", image.url, queries=1, required=True))
        send(app, job)
        assert image.asked.acquire(timeout=30)
        try:
            yield
        finally:
            image.let_go.set()
        wait_for(ledger, job)


def test_a_task_of_any_sender_is_run(app: Celery, worker: Process, ledger: Ledger) -> None:
    job = create(ledger, "anybody", priority=Priority.INTERACTIVE)
    app.send_task(TASK_NAME, [job, 0], queue="interactive")
    wait_for(ledger, job)


def test_events_carry_the_request_id(app: Celery, worker: Process, ledger: Ledger) -> None:
    with recorded_events(app) as events:
        job = create(ledger, "watched")
        send(app, job)
        wait_for(ledger, job)
        wait_until(lambda: any(e["type"] == "task-succeeded" for e in events), "it succeeded")
    mine = {event["type"]: event for event in events if event.get("uuid") == f"{job}:0"}
    assert set(mine) == {"task-sent", "task-received", "task-started", "task-succeeded"}
    for name in ("task-sent", "task-received"):  # what Flower's Tasks page shows and searches
        assert mine[name]["kwargs"] == "{'request_id': 'request-of-watched'}"
    for name in ("task-started", "task-succeeded"):
        assert mine[name]["request_id"] == "request-of-watched"


def test_a_task_without_a_job_is_ignored(app: Celery, worker: Process, ledger: Ledger) -> None:
    with recorded_events(app) as events:
        app.send_task(TASK_NAME, ["no-such-job", 0], task_id="lost", queue="bulk")
        wait_until(lambda: '"job":"no-such-job"' in worker.log, "the worker logs it")
        send(app, create(ledger, "after"))
        wait_for(ledger, "after")
    assert "part_ignored" in worker.log
    ends = {event["type"] for event in events if event.get("uuid") == "lost"}
    assert not ends & {"task-failed", "task-succeeded", "task-retried"}


def test_other_messages_get_celerys_own_treatment(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    app.send_task("clip.no_such_task", [1], queue="bulk")
    app.send_task(TASK_NAME, ["job", 0], queue="bulk", serializer="yaml")
    wait_until(lambda: "unregistered task of type 'clip.no_such_task'" in worker.log, "unknown")
    wait_until(lambda: "Refusing to deserialize" in worker.log, "no JSON")
    send(app, create(ledger, "still-alive"))
    wait_for(ledger, "still-alive")


def test_a_running_part_can_be_inspected(app: Celery, worker: Process, ledger: Ledger) -> None:
    with stalled_part(app, ledger, "running"):
        [active] = inspect(app, "active")
        assert (active["id"], active["name"]) == ("running:0", TASK_NAME)
        assert active["args"] == ["running", 0]
        assert inspect(app, "reserved") == []


def test_a_worker_can_be_inspected(app: Celery, worker: Process) -> None:
    assert inspect(app, "ping") == {"ok": "pong"}
    assert inspect(app, "registered") == [TASK_NAME]
    assert {queue["name"] for queue in inspect(app, "active_queues")} == {
        "interactive",
        "bulk",
    }
    stats = inspect(app, "stats")
    assert stats["pool"]["max-concurrency"] == 8
    assert stats["prefetch_count"] == 8
    conf = inspect(app, "conf")
    assert (conf["task_acks_late"], conf["worker_prefetch_multiplier"]) == (True, 1)
    assert conf["accept_content"] == ["json"]


def test_a_queue_can_be_left_and_joined(app: Celery, worker: Process, ledger: Ledger) -> None:
    assert reply(app, "cancel_consumer", queue="bulk") == {"ok": "no longer consuming from bulk"}
    # The read that is under way still has the queue; it ends with this part.
    send(app, create(ledger, "interactive", priority=Priority.INTERACTIVE), "interactive")
    wait_for(ledger, "interactive")
    send(app, create(ledger, "waiting"))
    assert app.control.purge() == 1
    assert state(ledger, "waiting") == "queued"
    assert reply(app, "add_consumer", queue="bulk") == {"ok": "add consumer bulk"}
    wait_for(ledger, "waiting")  # repair has sent it again


def test_limits_and_events_are_set_while_it_runs(
    app: Celery, worker: Process, ledger: Ledger
) -> None:
    limited = reply(app, "rate_limit", task_name=TASK_NAME, rate_limit="50/s")
    assert limited == {"ok": "new rate limit set successfully"}
    send(app, create(ledger, "limited"))
    wait_for(ledger, "limited")
    reply(app, "rate_limit", task_name=TASK_NAME, rate_limit=None)
    assert "ok" in reply(app, "disable_events")
    assert "ok" in reply(app, "enable_events")


def test_a_time_limit_is_refused(app: Celery, worker: Process) -> None:
    answer = reply(app, "time_limit", task_name=TASK_NAME, hard=1)
    assert answer == {"error": "the threads pool cannot end a running task"}


def test_what_is_refused_is_not_done(app: Celery, worker: Process, ledger: Ledger) -> None:
    answer = reply(app, "terminate", task_id="spared:0", signal="TERM")
    assert "cannot end a running task" in answer["error"]
    send(app, create(ledger, "spared"))
    wait_for(ledger, "spared")


@pytest.mark.parametrize("command", ["pool_grow", "pool_shrink", "autoscale"])
def test_the_pool_keeps_its_size(app: Celery, worker: Process, command: str) -> None:
    assert "fixed size" in reply(app, command, n=2)["error"]
    assert inspect(app, "stats")["pool"]["max-concurrency"] == 8


def test_a_revoked_task_cancels_its_job(app: Celery, worker: Process, ledger: Ledger) -> None:
    app.control.revoke("revoked:0", reply=True, destination=[NODE], timeout=5)
    send(app, create(ledger, "revoked"))
    wait_for(ledger, "revoked", "cancelled")


def test_cut_connections_cost_nothing(
    app: Celery, worker: Process, ledger: Ledger, redis_url_of_its_own: str
) -> None:
    """The worker reconnects and goes on; what it runs is not run a second time."""
    with stalled_part(app, ledger, "cut"), Redis.from_url(redis_url_of_its_own) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)
        redis.client_kill_filter(_type="pubsub", skipme=True)
        send(app, create(ledger, "after-the-cut"))
        wait_for(ledger, "after-the-cut")
        assert redis.hget("clip:job:cut", "tries:0") == b"1"
    assert worker.popen.poll() is None
    with client(redis_url_of_its_own) as another:  # those of `app` were cut too
        assert inspect(another, "ping") == {"ok": "pong"}


def test_shutdown_lets_running_parts_finish(app: Celery, worker: Process, ledger: Ledger) -> None:
    with stalled_part(app, ledger, "last"):
        app.control.shutdown(destination=[NODE])
        wait_until(lambda: "Got shutdown from remote" in worker.log, "it shuts down")
        assert worker.popen.poll() is None
    assert worker.popen.wait(30) == 0
    assert state(ledger, "last") == "done"
