"""Jobs from their creation to their end, as the ledger has them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from redis import Redis
from structlog.testing import capture_logs

from common.errors import JobLost
from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.ledger.jobs import Ledger
from common.ledger.reads import blob_key, job_key, jobs_key
from common.ledger.records import Admission, Idempotency, Load, NewJob, RequestRecord
from common.protocol.messages import Fault, Item, ModelInfo, PartAbout, PartResult, Priority
from common.protocol.records import CorruptRecord

DIGEST = "d1" * 32
MODEL = ModelInfo("demo", "main", 2, 100.0)
REQUEST = RequestRecord({"/queries": [0, 1]}, kinds="tb", sizes=[2, 1])
TEXT = Item("text", "a café \0 🐈", queries=1, required=True)
IMAGE = Item("blob", DIGEST, queries=2, required=True)


def new_job(job: str = "j", **changes: Any) -> NewJob:
    """A bulk job, which needs no worker to be admitted."""
    fields: dict[str, Any] = {
        "id": job,
        "kind": "rank",
        "priority": Priority.BULK,
        "parts": [[TEXT, IMAGE], [TEXT]],
        "request": REQUEST,
        "request_id": "r1",
        "lifetime_s": 60,
        "ttl_s": 10,
    }
    return NewJob(**{**fields, **changes})


def create(
    ledger: Ledger, job: NewJob, max_open_items: int = 100, worker_ttl_s: float = 5
) -> Admission:
    return ledger.create(
        job, {DIGEST: b"image"}, max_open_items=max_open_items, worker_ttl_s=worker_ttl_s
    )


def result(items: int, faults: dict[int, Fault] | None = None) -> PartResult:
    return PartResult(np.ones((items, 2), dtype=np.float32), PartAbout(MODEL, faults or {}))


def beat(
    redis: Redis,
    name: str,
    model_queue: str = "",
    parts: tuple[str, ...] = (),
    queues: tuple[str, ...] | None = None,
) -> None:
    told = Heartbeat(
        name, MODEL, "cpu", "float32", 4, 0, 0.0, model_queue, parts=parts, queues=queues
    )
    Heartbeats(redis, 5).beat(told)


def test_a_job_whose_images_are_gone_is_not_admitted(ledger: Ledger, redis: Redis) -> None:
    admission = ledger.create(new_job(), {}, max_open_items=100, worker_ttl_s=5)
    assert admission.outcome == "blobs_lost"
    assert redis.keys() == []


def test_a_job_that_is_created_again_is_left_as_it_is(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    ledger.begin("j", 0, "w")
    assert create(ledger, new_job()).outcome == "created"
    assert redis.hget("clip:job:j", "state") == b"running"
    assert ledger.load().open_items == 3


def test_a_server_that_lost_its_scripts_gets_them_again(ledger: Ledger, redis: Redis) -> None:
    redis.script_flush()
    assert create(ledger, new_job()).outcome == "created"
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert begun.blobs == {DIGEST: b"image"}


def test_parts_with_an_image_on_two_backgrounds_each_keep_its_bytes(ledger: Ledger) -> None:
    white = replace(IMAGE, alpha="white")
    job = new_job(parts=[[IMAGE], [white]])
    blobs = {IMAGE.blob: b"image", white.blob: b"image"}
    assert ledger.create(job, blobs, max_open_items=9, worker_ttl_s=5).outcome == "created"
    assert ledger.finish("j", 0, [IMAGE], result(1))
    begun = ledger.begin("j", 1, "w")
    assert begun is not None
    assert begun.blobs == {white.blob: b"image"}


def test_a_begun_part_has_the_owner_of_its_job(ledger: Ledger) -> None:
    create(ledger, new_job(owner="a"))
    create(ledger, new_job("k"))
    begun = [ledger.begin(job, 0, "w") for job in "jk"]
    assert [part and part.owner for part in begun] == ["a", ""]


def test_a_job_and_its_results_are_read_at_once(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 1, [TEXT], result(1))
    record, results = ledger.read_whole("j", 2)
    assert record == ledger.read("j")
    assert [found and found.vectors.tolist() for found in results] == [None, [[1, 1]]]
    assert ledger.read_whole("other", 1) == (None, [None])


def test_a_new_job_is_queued_and_its_items_are_open(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job()).outcome == "created"
    record = ledger.read("j")
    assert record is not None
    assert (record.kind, record.state, record.parts) == ("rank", "queued", 2)
    assert record.request == REQUEST
    assert redis.get("clip:open-items") == b"3"
    assert redis.get(blob_key("j", DIGEST)) == b"image"


def test_a_full_queue_refuses_and_keeps_no_image(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job(), max_open_items=2) == Admission("full", excess=1)
    assert ledger.read("j") is None
    assert not redis.exists(blob_key("j", DIGEST))


def test_a_text_takes_room_for_each_of_its_templates(ledger: Ledger, redis: Redis) -> None:
    templated = replace(TEXT, templates=("a {}", "{}", "the {}"))
    job = new_job(parts=[[templated, IMAGE], [TEXT]])
    assert create(ledger, job, max_open_items=4) == Admission("full", excess=1)
    assert create(ledger, job).outcome == "created"
    assert ledger.load().open_items == 5
    assert ledger.begin("j", 0, "w") is not None
    assert ledger.finish("j", 0, [templated, IMAGE], result(2))
    assert ledger.load() == Load(open_items=1, drained_items=4)


def test_without_a_worker_an_interactive_job_is_refused(ledger: Ledger, redis: Redis) -> None:
    job = new_job(priority=Priority.INTERACTIVE, model=MODEL.name, model_queue="two")
    assert create(ledger, job).outcome == "no_worker"
    beat(redis, "of another queue", model_queue="one")
    assert create(ledger, job).outcome == "no_worker"
    beat(redis, "w", model_queue="two")
    other = new_job(priority=Priority.INTERACTIVE, model="another", model_queue="two")
    assert create(ledger, other).outcome == "no_worker"
    assert create(ledger, job).outcome == "created"


@pytest.mark.parametrize("queues", [(), ("bulk:two",), ("interactive",)])
def test_an_interactive_job_needs_a_worker_that_consumes_its_queue(
    ledger: Ledger, redis: Redis, queues: tuple[str, ...]
) -> None:
    job = new_job(priority=Priority.INTERACTIVE, model_queue="two")
    beat(redis, "w", model_queue="two", queues=queues)
    assert create(ledger, job).outcome == "no_worker"
    beat(redis, "v", model_queue="two", queues=(*queues, "interactive:two"))
    assert create(ledger, job).outcome == "created"


def test_beginning_hands_out_the_items(ledger: Ledger) -> None:
    create(ledger, new_job())
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert begun.items == [TEXT, IMAGE]
    assert 59 < begun.left_s <= 60
    assert (begun.strikes, begun.tries) == (0, 0)
    assert (begun.priority, begun.request_id) == (Priority.BULK, "r1")
    record = ledger.read("j")
    assert record is not None
    assert record.state == "running"


def test_a_finished_part_is_stored_and_frees_its_images(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    assert ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    stored = ledger.results("j", [0, 1])
    assert stored[0] is not None
    assert stored[0].vectors.tolist() == [[1, 1], [1, 1]]
    assert stored[0].about.model == MODEL
    assert ledger.abouts("j", [0, 1]) == [stored[0].about, None]
    assert stored[1] is None
    assert not redis.exists(blob_key("j", DIGEST))
    assert redis.get("clip:open-items") == b"1"


def test_finishing_twice_stores_once(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    assert ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    assert not ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    assert redis.hget(job_key("j"), "parts_done") == b"1"
    assert redis.get("clip:open-items") == b"1"


def test_a_finished_part_cannot_be_begun(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    assert ledger.begin("j", 0, "w") is None
    assert ledger.begin("j", 1, "w") is not None


def test_the_last_part_ends_the_job_and_sends_a_notification(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    with ledger.notifications() as channel:
        channel.get_message(timeout=1)
        ledger.finish("j", 0, [TEXT, IMAGE], result(2))
        assert not ledger.ended(["j"])[0]
        ledger.finish("j", 1, [TEXT], result(1))
        assert channel.get_message(timeout=1)["data"] == b"j"
    record = ledger.read("j")
    assert record is not None
    assert record.state == "done"
    assert 0 < redis.ttl(job_key("j")) <= 10


def test_a_required_item_that_fails_fails_the_job(ledger: Ledger) -> None:
    create(ledger, new_job(parts=[[TEXT]]))
    ledger.finish("j", 0, [TEXT], result(1, {0: Fault("encode_failed", "")}))
    record = ledger.read("j")
    assert record is not None
    assert record.state == "failed"


def test_an_optional_item_that_fails_is_counted(ledger: Ledger, redis: Redis) -> None:
    optional = Item("uri", "u", queries=3, required=False)
    create(ledger, new_job(parts=[[optional, TEXT]]))
    ledger.finish("j", 0, [optional, TEXT], result(2, {0: Fault("fetch_failed", "")}))
    assert redis.hmget(job_key("j"), "state", "done", "failed") == [b"done", b"1", b"3"]


@pytest.mark.parametrize("state", ["cancelled", "failed", "expired"])
def test_a_stopped_job_is_cancelled_for_good(ledger: Ledger, redis: Redis, state: Any) -> None:
    create(ledger, new_job())
    assert ledger.stop("j", state, "why")
    assert ledger.is_cancelled("j")
    assert ledger.begin("j", 0, "w") is None
    assert not ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    assert not ledger.stop("j", state, "why")
    assert redis.get("clip:open-items") == b"0"
    assert redis.zcard("clip:open") == 0
    assert not redis.exists(blob_key("j", DIGEST))


def test_a_job_past_its_deadline_expires(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    redis.hset(job_key("j"), "deadline", 1)
    assert ledger.begin("j", 0, "w") is None
    record = ledger.read("j")
    assert record is not None
    assert record.state == "expired"


def test_keep_lengthens_the_life_of_an_ended_job(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job(parts=[[TEXT]]))
    ledger.finish("j", 0, [TEXT], result(1))
    ledger.keep("j", 500)
    assert redis.ttl(job_key("j")) > 400
    assert redis.ttl("clip:part:j:0") > 400


def test_the_same_idempotency_key_gives_the_same_job(ledger: Ledger) -> None:
    key = Idempotency("key", "fingerprint")
    assert create(ledger, new_job("one", idempotency=key)) == Admission("created", "one")
    assert create(ledger, new_job("two", idempotency=key)) == Admission("same", "one")
    other = Idempotency("key", "another fingerprint")
    assert create(ledger, new_job("three", idempotency=other)) == Admission("other", "one")
    assert ledger.read("two") is ledger.read("three") is None


def test_an_idempotency_key_is_free_again_once_its_job_is_gone(ledger: Ledger) -> None:
    key = Idempotency("key", "fingerprint")
    create(ledger, new_job("one", idempotency=key))
    ledger.forget("one")
    assert create(ledger, new_job("two", idempotency=key)).outcome == "created"


def test_a_forgotten_job_leaves_nothing(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    assert ledger.forget("j")
    assert not ledger.forget("j")
    assert not list(redis.scan_iter("clip:*:j*"))
    assert redis.zcard("clip:open") == redis.zcard(jobs_key("")) == 0
    assert redis.get("clip:open-items") == b"0"


def test_a_part_counts_its_tries_and_strikes(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.begin("j", 0, "w")
    ledger.strike("j", 0, "w")
    ledger.strike("j", 0, "w")  # tried again: the answer was lost
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert (begun.strikes, begun.tries) == (1, 1)


def test_a_strike_on_a_job_that_is_gone_makes_none(ledger: Ledger) -> None:
    ledger.strike("gone", 0, "w")
    assert ledger.read("gone") is None


def test_the_load_counts_open_and_drained_items(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    load = ledger.load()
    assert (load.open_items, load.drained_items) == (1, 2)


@pytest.mark.parametrize("field", ["parts", "request", "started", "state"])
def test_a_corrupt_job_is_lost(ledger: Ledger, redis: Redis, field: str) -> None:
    create(ledger, new_job())
    redis.hset(job_key("j"), field, b"\xff")
    with capture_logs() as logs, pytest.raises(JobLost):
        ledger.read("j")
    assert [(line["event"], line["job"]) for line in logs] == [("corrupt_record", "j")]
    assert ledger.read_all(["j"]) == [None]


@pytest.mark.parametrize(("field", "value"), [("about", "{}"), ("vectors", "x")])
def test_a_corrupt_result_is_none(ledger: Ledger, redis: Redis, field: str, value: str) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, IMAGE], result(2))
    redis.hset("clip:part:j:0", field, value)
    with capture_logs() as logs:
        assert ledger.results("j", [0]) == [None]
    assert [line["event"] for line in logs] == ["corrupt_record"]
    assert ledger.read_whole("j", 2) == (ledger.read("j"), [None, None])


def test_a_corrupt_part_cannot_be_begun(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    redis.hset(job_key("j"), "items:0", "[[1]]")
    with pytest.raises(CorruptRecord):
        ledger.begin("j", 0, "w")
