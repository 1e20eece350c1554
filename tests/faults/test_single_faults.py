"""Faults that affect a single job."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from common.ledger.records import PartMessage
from common.protocol.celery_app import make_celery, send_parts
from common.protocol.messages import Priority
from common.redis.keys import KEYS
from tests.faults.deployment import Deployment, deployed
from tests.faults.worker import DEATH, HANG, SLOW
from tests.image_server import ImageServer, Stalling
from tests.images import blob, encoded
from tests.processes import Process, start_api, wait_until
from tests.worker.fake_encoder import POISON

EXIT_BATCHER_DIED = 70
EXIT_MODEL_HANGS = 75
TEXT = {"text": "a"}
BULK = Priority.BULK.value


def grey(brightness: int) -> dict[str, str]:
    return blob(encoded(Image.new("RGB", (4, 4), (brightness,) * 3)))


def tinted(red: int, green: int) -> dict[str, str]:
    """An image like no other: what is the same is encoded once."""
    return blob(encoded(Image.new("RGB", (4, 4), (red, green, 200))))


def rank_body(*queries: Any, **more: Any) -> dict[str, Any]:
    return {"queries": list(queries), "candidates": [TEXT], **more}


def submit(service: Deployment, *queries: Any) -> str:
    answer = service.api.post("/rank?wait=0", rank_body(*queries))
    assert answer.status_code == 202
    return answer.headers["Location"]


def document(service: Deployment, location: str, wait: float = 30) -> Any:
    return service.api.get(f"{location}?wait={wait}").json()


def only_worker(service: Deployment) -> Any:
    """The last heartbeat of the only worker."""
    [beat] = service.api.get("/workers").json()["workers"]
    return beat


def tries(service: Deployment, location: str) -> int:
    job = location.rpartition("/")[2]
    with service.redis() as redis:
        return int(redis.hget(f"clip:job:{job}", "tries:0") or 0)


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A service without a worker."""
    with deployed(tmp_path_factory.mktemp("g"), workers=0) as deployment:
        yield deployment


def wait_for_end(worker: Process) -> int:
    return worker.popen.wait(30)


def test_a_lost_message_is_sent_again(service: Deployment) -> None:
    location = submit(service, grey(1))
    with service.redis() as redis:
        assert redis.lpop(KEYS(BULK)) is not None
        assert redis.llen(KEYS(BULK)) == 0
    service.add_worker()
    started = time.monotonic()
    assert document(service, location)["status"] == "done"
    assert time.monotonic() - started < 5


def test_a_message_delivered_twice_is_stored_once(service: Deployment) -> None:
    location = submit(service, grey(1))
    job = location.rpartition("/")[2]
    celery = make_celery(service.valkey.url, socket_timeout_s=5)
    send_parts(celery, [PartMessage(job, 0, BULK, "again")])
    service.add_worker()
    done = document(service, location)
    assert done["status"] == "done"
    assert done["progress"] == {"total": 1, "done": 1, "failed": 0}
    with service.redis() as redis:
        wait_until(lambda: redis.llen(KEYS(BULK)) == 0, "both are through")
        assert redis.get("clip:open-items") == b"0"
    assert tries(service, location) <= 2


def test_a_poisoned_image_fails_alone(service: Deployment) -> None:
    service.add_worker(batch_size=16)
    images = [grey(100 + number) for number in range(15)]
    body = rank_body(*images[:7], grey(POISON), *images[7:], allow_partial=True)
    answer = service.api.post("/rank", body)
    assert answer.status_code == 200
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/queries/7/img_blob", "encode_failed")
    rows = answer.json()["probabilities"]
    assert [row is None for row in rows] == [number == 7 for number in range(16)]


def test_out_of_memory_halves_the_batch_and_loses_nothing(service: Deployment) -> None:
    service.add_worker(batch_size=32, FAULT_MEMORY=5)
    answer = service.api.post("/rank", rank_body(*[grey(100 + n) for n in range(64)]))
    assert answer.status_code == 200
    assert len(answer.json()["probabilities"]) == 64
    wait_until(
        lambda: only_worker(service)["batch_size"] <= 5, "the heartbeat tells of the smaller batch"
    )
    assert only_worker(service)["configured_batch_size"] == 32


def test_without_memory_an_image_waits_and_then_its_client_gets_503(
    service: Deployment, folder: Path
) -> None:
    shortage = folder / "no-memory"
    worker = service.add_worker(FAULT_NO_MEMORY=shortage)
    shortage.touch()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(service.api.post, "/rank", rank_body(grey(1)))
        wait_until(lambda: "an item of image waits" in worker.log, "the image waits")
        shortage.unlink()
        assert waiting.result(30).status_code == 200
    shortage.touch()
    answer = service.api.post("/rank", rank_body(grey(2), grey(3)))
    assert (answer.status_code, answer.json()["code"]) == (503, "no_memory")
    assert int(answer.headers["Retry-After"]) >= 1
    some = service.api.post("/rank", rank_body(grey(2), allow_partial=True))
    assert [fault["code"] for fault in some.json()["errors"]] == ["no_memory"]
    asynchronous = document(service, submit(service, grey(4)))
    assert (asynchronous["status"], asynchronous["errors"][0]["code"]) == ("failed", "no_memory")
    shortage.unlink()
    assert service.api.post("/rank", rank_body(grey(2), grey(3))).status_code == 200


def test_a_batcher_that_dies_ends_its_worker_and_others_redo_its_work(
    service: Deployment,
) -> None:
    good = submit(service, grey(1))
    deadly = submit(service, grey(DEATH))
    for _ in range(3):
        assert wait_for_end(service.start_worker()) == EXIT_BATCHER_DIED
    service.add_worker()
    assert document(service, good)["status"] == "done"
    given_up = document(service, deadly)
    assert given_up["status"] == "failed"
    assert given_up["errors"][0]["code"] == "given_up"
    wait_until(lambda: service.api.workers() == 1, "the dead no longer beat")


def test_a_model_that_hangs_ends_its_worker_and_the_part_is_given_up(
    service: Deployment,
) -> None:
    settings = {"model_timeout_s": 0.5}
    bad = submit(service, grey(HANG))
    for _ in range(3):
        assert wait_for_end(service.start_worker(**settings)) == EXIT_MODEL_HANGS
    good = submit(service, grey(1))
    service.add_worker(**settings)
    given_up = document(service, bad)
    assert given_up["status"] == "failed"
    assert given_up["errors"][0]["code"] == "given_up"
    assert document(service, good)["status"] == "done"


def test_a_worker_that_was_frozen_has_no_model_that_hangs(service: Deployment) -> None:
    worker = service.add_worker(model_timeout_s=4, worker_ttl_s=5)
    location = submit(service, grey(SLOW))
    wait_until(lambda: only_worker(service)["in_flight"] == 1, "the model has the image")
    worker.popen.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: service.api.workers() == 0, "it is frozen longer than a model may take")
    finally:
        worker.popen.send_signal(signal.SIGCONT)
    assert document(service, location)["status"] == "done"
    assert worker.popen.poll() is None
    assert "worker_gives_up" not in worker.log


def test_redis_comes_back_empty(service: Deployment, image_server: ImageServer) -> None:
    service.add_worker()
    stalling = Stalling(image_server, encoded(Image.new("RGB", (4, 4))))
    with ThreadPoolExecutor(1) as pool:
        body = rank_body({"img_uri": stalling.url})
        waiting = pool.submit(requests.post, f"{service.api.url}/rank", json=body, timeout=60)
        assert stalling.asked.acquire(timeout=10)
        service.valkey.kill()
        for file in Path(service.folder).glob("appendonlydir/*"):
            file.unlink()
        service.valkey.start()
        started = time.monotonic()
        answer = waiting.result(30)
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.json()["code"]) == (503, "job_lost")
    stalling.let_go.set()
    wait_until(lambda: service.api.get("/readyz").ok, "a worker consumes again")
    served = service.api.post("/rank", rank_body(grey(5)))
    assert served.status_code == 200


def test_a_frozen_redis_keeps_no_client_waiting(service: Deployment) -> None:
    """However many ask at the same time."""
    service.add_worker()
    os.kill(service.valkey.pid, signal.SIGSTOP)

    def ask(number: int) -> tuple[int, float]:
        started = time.monotonic()
        body = rank_body(tinted(50, number))
        status = requests.post(f"{service.api.url}/rank", json=body, timeout=60).status_code
        return status, time.monotonic() - started

    try:
        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(ask, range(60)))
    finally:
        os.kill(service.valkey.pid, signal.SIGCONT)
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 2


def test_a_client_that_waited_in_vain_for_redis_gets_the_location_of_its_job(
    service: Deployment, image_server: ImageServer
) -> None:
    service.add_worker()
    stalling = Stalling(image_server, encoded(Image.new("RGB", (4, 4))))
    api = start_api(service.folder, service.valkey.url, sync_timeout_s=2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post, "/rank", rank_body({"img_uri": stalling.url}))
        assert stalling.asked.acquire(timeout=10)
        os.kill(service.valkey.pid, signal.SIGSTOP)
        try:
            answer = waiting.result(30)
        finally:
            os.kill(service.valkey.pid, signal.SIGCONT)
            api.stop()
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_away")
    assert "Retry-After" in answer.headers
    location = answer.headers["Location"]
    assert location == f"/jobs/{answer.headers['X-Job-Id']}"
    assert location in answer.json()["detail"]
    stalling.let_go.set()
    done = document(service, location)
    assert (done["status"], done["result"]["probabilities"]) == ("done", [[1.0]])


def test_what_could_not_be_stored_is_done_again(
    service: Deployment, image_server: ImageServer
) -> None:
    """As when the disk of the AOF is full: Redis answers, and refuses every write for a while."""
    worker = service.add_worker()
    stalling = Stalling(image_server, encoded(Image.new("RGB", (4, 4))))
    with ThreadPoolExecutor(1) as pool, service.redis() as redis:
        body = rank_body({"img_uri": stalling.url})
        waiting = pool.submit(requests.post, f"{service.api.url}/rank", json=body, timeout=60)
        assert stalling.asked.acquire(timeout=10)
        redis.config_set("min-replicas-to-write", 1)
        stalling.let_go.set()
        wait_until(lambda: "NOREPLICAS" in worker.log, "the result cannot be stored")
        redis.config_set("min-replicas-to-write", 0)
        restored = time.monotonic()
        assert waiting.result(60).status_code == 200
    assert time.monotonic() - restored < 10
    assert worker.popen.poll() is None


def test_a_full_redis_is_worked_off(service: Deployment, image_server: ImageServer) -> None:
    """A worker needs no memory of Redis to take parts, bulk ones in turns, and to finish them."""
    service.add_worker(concurrency=4)
    stalling = Stalling(image_server, encoded(Image.new("RGB", (4, 4))))
    first = submit(service, {"img_uri": stalling.url})
    assert stalling.asked.acquire(timeout=10)
    backlog = [submit(service, tinted(100, number)) for number in range(24)]
    with service.redis() as redis:
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] // 2)
        refused = service.api.post("/rank?wait=0", rank_body(grey(200)))
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
        stalling.let_go.set()
        for location in [first, *backlog]:
            assert document(service, location)["status"] == "done"


def test_an_outage_of_redis_is_reported_within_two_seconds(service: Deployment) -> None:
    service.valkey.kill()
    for path, body in (("/rank", rank_body(grey(1))), ("/rank?wait=0", rank_body(TEXT))):
        started = time.monotonic()
        answer = service.api.post(path, body)
        assert time.monotonic() - started < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_away")
        assert "Retry-After" in answer.headers
    assert service.api.get("/jobs/any").status_code == 503
    service.valkey.start()
    service.add_worker()
    assert service.api.post("/rank", rank_body(grey(1))).status_code == 200


def test_a_cancelled_backlog_costs_no_model_time(service: Deployment) -> None:
    backlog = [submit(service, grey(100 + number)) for number in range(20)]
    for location in backlog:
        assert service.api.post(f"{location}/cancel", None).status_code == 200
    service.add_worker()
    assert document(service, submit(service, grey(1)))["status"] == "done"
    assert [tries(service, location) for location in backlog] == [0] * 20


def test_everything_but_results_is_freed(service: Deployment) -> None:
    service.add_worker()

    def keys() -> set[bytes]:
        transient = (b"clip:clock", b"clip:worker:", b"clip:emb:", b"clip:_kombu")
        with service.redis() as redis:
            return {key for key in redis.scan_iter() if not key.startswith(transient)}

    document(service, submit(service, grey(1)))
    before = keys()
    fill = [submit(service, *[grey(20 + n) for n in range(40)]) for _ in range(5)]
    assert any(key.startswith(b"clip:blob:") for key in keys())
    for location in fill:
        assert document(service, location)["status"] == "done"
    added = keys() - before
    assert {key.split(b":")[1] for key in added} == {b"job", b"part"}
    for location in fill:
        service.api.session.delete(service.api.url + location, timeout=10)
    assert keys() == before


def test_a_backlog_of_bulk_work_does_not_delay_an_interactive_request(
    service: Deployment,
) -> None:
    service.add_worker(batch_size=8, FAULT_SECONDS_PER_IMAGE=0.01)
    backlog = [submit(service, *(tinted(of, n) for n in range(64))) for of in range(20)]
    waits = []
    for number in range(10):
        started = time.monotonic()
        assert service.api.post("/rank", rank_body(grey(number))).status_code == 200
        waits.append(time.monotonic() - started)
    assert document(service, backlog[-1], wait=0)["status"] != "done", "the backlog is still there"
    # A batch in flight takes 0.08 s here; behind one bulk part it would be 0.3 s and more.
    assert np.median(waits) < 0.3
    for location in backlog:
        service.api.session.delete(service.api.url + location, timeout=10)
