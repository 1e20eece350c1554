import base64
from typing import Any

import numpy as np
import orjson
import pytest
from redis import Redis

from common.errors import JobLost
from common.heartbeats import Heartbeat, Heartbeats
from common.jobs import Ledger, blob_key, job_key, jobs_key
from common.protocol import INTERACTIVE, Broken, Fault, Item, ModelInfo, PartAbout, PartResult
from common.records import Admission, Idempotency, NewJob

DIGEST = "d1" * 32
MODEL = ModelInfo("demo", "main", 2, 100.0)
TEXT = Item("text", "a cat", queries=1, required=True)
PICTURE = Item("blob", DIGEST, queries=2, required=True)


def new_job(job: str = "j", **changes: Any) -> NewJob:
    fields: dict[str, Any] = {
        "id": job,
        "kind": "rank",
        "queue": INTERACTIVE,
        "parts": [[TEXT, PICTURE], [TEXT]],
        "request": {"queries": [0]},
        "request_id": "r1",
        "lifetime_s": 60,
        "ttl_s": 10,
    }
    return NewJob(**{**fields, **changes})


def create(
    ledger: Ledger, job: NewJob, max_open_items: int = 100, worker_ttl_s: float = 0
) -> Admission:
    return ledger.create(
        job, {DIGEST: b"picture"}, max_open_items=max_open_items, worker_ttl_s=worker_ttl_s
    )


def result(items: int, faults: dict[int, Fault] | None = None) -> PartResult:
    return PartResult(np.ones((items, 2), dtype=np.float32), PartAbout(MODEL, faults or {}))


def beat(redis: Redis, name: str) -> None:
    Heartbeats(redis, 5).beat(Heartbeat(name, MODEL, "cpu", "float32", 4, 0, 0.0))


def test_a_new_job_is_sent_part_by_part(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    messages = [orjson.loads(raw) for raw in redis.lrange(INTERACTIVE, 0, -1)]
    bodies = [orjson.loads(base64.b64decode(sent["body"])) for sent in messages[::-1]]
    assert [body[:2] for body in bodies] == [[["j", n], {"request_id": "r1"}] for n in (0, 1)]


def test_a_job_whose_pictures_are_gone_is_not_admitted(ledger: Ledger, redis: Redis) -> None:
    admission = ledger.create(new_job(), {}, max_open_items=100, worker_ttl_s=0)
    assert admission.outcome == "emptied"
    assert redis.keys() == []


def test_a_job_that_is_created_again_is_left_as_it_is(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    ledger.begin("j", 0, "w")
    assert create(ledger, new_job()).outcome == "created"
    assert redis.hget("clip:job:j", "state") == b"running"
    assert redis.llen(INTERACTIVE) == 2
    assert ledger.load().open_items == 3


def test_a_server_that_forgot_its_scripts_is_told_them(ledger: Ledger, redis: Redis) -> None:
    redis.script_flush()
    assert create(ledger, new_job()).outcome == "created"
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert begun.blobs == {DIGEST: b"picture"}


def test_a_job_and_its_results_are_read_at_once(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 1, [TEXT], result(1))
    record, results = ledger.read_whole("j", 2)
    assert record == ledger.read("j")
    assert [found and found.vectors.tolist() for found in results] == [None, [[1, 1]]]
    assert ledger.read_whole("other", 1) == (None, [None])


def test_a_result_that_is_none_does_not_hide_its_job(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    redis.set("clip:part:j:0", "somebody wrote here")
    assert ledger.read_whole("j", 2) == (ledger.read("j"), [None, None])


def test_what_was_not_admitted_is_not_sent(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job(), max_open_items=1).outcome == "full"
    assert not redis.exists(INTERACTIVE)


def test_a_job_is_kept_although_its_queue_is_none(ledger: Ledger, redis: Redis) -> None:
    redis.set(INTERACTIVE, "somebody wrote here")
    assert create(ledger, new_job()).outcome == "created"
    assert ledger.read("j") is not None


def test_a_new_job_is_queued_and_its_items_are_open(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job()).outcome == "created"
    record = ledger.read("j")
    assert record is not None
    assert (record.kind, record.state, record.parts) == ("rank", "queued", 2)
    assert record.request == {"queries": [0]}
    assert redis.get("clip:open-items") == b"3"
    assert redis.get(blob_key("j", DIGEST)) == b"picture"


def test_a_full_queue_refuses_and_keeps_no_picture(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job(), max_open_items=2) == Admission("full", excess=1)
    assert ledger.read("j") is None
    assert not redis.exists(blob_key("j", DIGEST))


def test_without_a_worker_a_job_that_needs_one_is_refused(ledger: Ledger, redis: Redis) -> None:
    assert create(ledger, new_job(), worker_ttl_s=5).outcome == "no_worker"
    beat(redis, "w")
    assert create(ledger, new_job(), worker_ttl_s=5).outcome == "created"


def test_beginning_hands_out_the_items(ledger: Ledger) -> None:
    create(ledger, new_job())
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert begun.items == [TEXT, PICTURE]
    assert 59 < begun.left_s <= 60
    assert (begun.strikes, begun.tries) == (0, 0)
    record = ledger.read("j")
    assert record is not None
    assert record.state == "running"


def test_a_finished_part_is_stored_and_frees_its_pictures(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    assert ledger.finish("j", 0, [TEXT, PICTURE], result(2))
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
    assert ledger.finish("j", 0, [TEXT, PICTURE], result(2))
    assert not ledger.finish("j", 0, [TEXT, PICTURE], result(2))
    assert redis.hget(job_key("j"), "parts_done") == b"1"
    assert redis.get("clip:open-items") == b"1"


def test_a_finished_part_cannot_be_begun(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, PICTURE], result(2))
    assert ledger.begin("j", 0, "w") is None
    assert ledger.begin("j", 1, "w") is not None


def test_the_last_part_ends_the_job_and_tells_of_it(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    with redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
        channel.subscribe("clip:done")
        channel.get_message(timeout=1)
        ledger.finish("j", 0, [TEXT, PICTURE], result(2))
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
def test_a_stopped_job_is_wanted_by_nobody(ledger: Ledger, redis: Redis, state: Any) -> None:
    create(ledger, new_job())
    assert ledger.stop("j", state, "why")
    assert not ledger.is_wanted("j")
    assert ledger.begin("j", 0, "w") is None
    assert not ledger.finish("j", 0, [TEXT, PICTURE], result(2))
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
    create(ledger, new_job(listed=True))
    ledger.finish("j", 0, [TEXT, PICTURE], result(2))
    assert ledger.forget("j")
    assert not ledger.forget("j")
    assert not list(redis.scan_iter("clip:*:j*"))
    assert redis.zcard("clip:open") == redis.zcard(jobs_key("")) == 0
    assert redis.get("clip:open-items") == b"0"


def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        create(ledger, new_job(name, listed=True))
    create(ledger, new_job("not listed"))
    found = ledger.listed("", float("inf"), 2)
    assert [job for job, _ in found] == ["c", "b"]
    assert [job for job, _ in ledger.listed("", found[-1][1], 2)] == ["a"]


def test_every_owner_has_a_list_of_its_own(ledger: Ledger) -> None:
    create(ledger, new_job("mine", owner="me", listed=True))
    create(ledger, new_job("yours", owner="you", listed=True))
    create(ledger, new_job("anybody's", listed=True))
    for owner, job in (("me", "mine"), ("you", "yours"), ("", "anybody's")):
        assert [name for name, _ in ledger.listed(owner, float("inf"), 9)] == [job]
        record = ledger.read(job)
        assert record is not None
        assert record.owner == owner


def test_a_kept_job_enters_its_owners_list(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job(owner="me"))
    ledger.keep("j", 500)
    assert [job for job, _ in ledger.listed("me", float("inf"), 9)] == ["j"]
    assert redis.ttl(jobs_key("me")) > 500


def test_jobs_that_are_gone_leave_the_list_as_others_enter_it(ledger: Ledger, redis: Redis) -> None:
    for number in range(30):
        create(ledger, new_job(str(number), listed=True))
        redis.delete(job_key(str(number)))
    assert redis.zcard(jobs_key("")) <= 1


def test_a_list_lives_as_long_as_any_job_in_it(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job("long", listed=True, lifetime_s=1000, ttl_s=500))
    create(ledger, new_job("short", listed=True, lifetime_s=1, ttl_s=1))
    assert 1490 < redis.ttl(jobs_key("")) <= 1500


def test_a_part_counts_its_tries_and_strikes(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.begin("j", 0, "w")
    ledger.strike("j", 0)
    begun = ledger.begin("j", 0, "w")
    assert begun is not None
    assert (begun.strikes, begun.tries) == (1, 1)


def test_a_strike_on_a_job_that_is_gone_makes_none(ledger: Ledger) -> None:
    ledger.strike("gone", 0)
    assert ledger.read("gone") is None


def test_the_load_counts_open_and_drained_items(ledger: Ledger) -> None:
    create(ledger, new_job())
    ledger.finish("j", 0, [TEXT, PICTURE], result(2))
    load = ledger.load()
    assert (load.open_items, load.drained_items) == (1, 2)


class TestForgery:
    """Somebody else wrote into the ledger."""

    @pytest.mark.parametrize(
        "field", ["parts", "request", "done", "failed", "created", "started", "finished", "state"]
    )
    def test_a_broken_job_is_lost(self, ledger: Ledger, redis: Redis, field: str) -> None:
        create(ledger, new_job())
        redis.hset(job_key("j"), field, b"\xff")
        with pytest.raises(JobLost):
            ledger.read("j")
        assert ledger.read_all(["j"]) == [None]

    def test_a_job_of_another_type_is_not_there(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job())
        redis.set(job_key("other"), "x")
        assert [job is None for job in ledger.read_all(["other", "j"])] == [True, False]

    @pytest.mark.parametrize("field", ["about", "vectors"])
    def test_a_broken_result_is_none(self, ledger: Ledger, redis: Redis, field: str) -> None:
        create(ledger, new_job())
        ledger.finish("j", 0, [TEXT, PICTURE], result(2))
        redis.hset("clip:part:j:0", field, "x")
        assert ledger.results("j", [0]) == [None]

    def test_a_broken_part_cannot_be_begun(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job())
        redis.hset(job_key("j"), "items:0", "[[1]]")
        with pytest.raises(Broken):
            ledger.begin("j", 0, "w")

    @pytest.mark.parametrize(
        ("member", "fields"),
        [
            ("x", {}),
            (b"\xff:0:1", {}),
            ("f:0:1", {"state": "queued"}),
            ("f:0:1", {"state": "queued", "deadline": "x"}),
            ("f:0:1", {"state": "queued", "deadline": 1}),
            ("f:0:1", {"state": "running", "deadline": 1e12, "state:0": "running"}),
            (f"f:{'9' * 5000}:1", {"deadline": 1e12, f"state:{'9' * 5000}": "running"}),
            (
                "f:0:1",
                {"deadline": 1e12, "state:0": "running", "owner:0": "w", "queue": "clip:jobs"},
            ),
        ],
    )
    def test_a_forged_part_keeps_none_from_being_repaired(
        self, ledger: Ledger, redis: Redis, member: str, fields: dict[str, Any]
    ) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        ledger.begin("j", 0, "dead")
        redis.zadd("clip:open", {member: 1})
        for name, value in fields.items():
            redis.hset(job_key("f"), name, value)
        assert [lost.job for lost in ledger.repair()] == ["j"]


def later(redis: Redis) -> None:
    """As if three seconds had gone by since the last repair."""
    redis.delete("clip:repair-lock")
    for name in ("sent:0", "missing:0"):
        redis.hincrbyfloat(job_key("j"), name, -3)


class TestRepair:
    def test_a_part_whose_worker_died_is_sent_again(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        ledger.begin("j", 0, "dead")
        [lost] = ledger.repair()
        assert (lost.job, lost.part, lost.queue, lost.request_id) == ("j", 0, INTERACTIVE, "r1")

    def test_a_part_whose_worker_lives_is_left_alone(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        beat(redis, "alive")
        ledger.begin("j", 0, "alive")
        assert ledger.repair() == []

    def test_a_message_that_is_in_no_queue_is_sent_again_after_a_while(
        self, ledger: Ledger, redis: Redis
    ) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        assert redis.rpop(INTERACTIVE)
        assert ledger.repair() == []
        later(redis)
        assert len(ledger.repair()) == 1
        assert redis.llen(INTERACTIVE) == 1

    def test_one_that_was_sent_again_is_given_as_long_as_before(
        self, ledger: Ledger, redis: Redis
    ) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        for _ in range(2):
            assert redis.rpop(INTERACTIVE)
            redis.delete("clip:repair-lock")
            assert ledger.repair() == []
            later(redis)
            assert len(ledger.repair()) == 1

    def test_a_part_that_waited_long_and_was_taken_just_now_is_left_alone(
        self, ledger: Ledger, redis: Redis
    ) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        redis.hincrbyfloat(job_key("j"), "sent:0", -60)
        assert redis.rpop(INTERACTIVE)
        assert ledger.repair() == []

    def test_a_part_that_waits_its_turn_is_left_alone(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        redis.hincrbyfloat(job_key("j"), "sent:0", -3)
        assert ledger.repair() == []

    def test_a_part_overtaken_by_later_ones_is_sent_again(
        self, ledger: Ledger, redis: Redis
    ) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        redis.hincrbyfloat(job_key("j"), "sent:0", -3)
        create(ledger, new_job("later", parts=[[TEXT]]))
        beat(redis, "alive")
        ledger.begin("later", 0, "alive")
        assert ledger.repair() == []
        later(redis)
        assert [lost.job for lost in ledger.repair()] == ["j"]

    def test_one_caller_at_a_time_repairs(self, ledger: Ledger) -> None:
        create(ledger, new_job(parts=[[TEXT]]))
        ledger.begin("j", 0, "dead")
        assert len(ledger.repair()) == 1
        ledger.begin("j", 0, "dead")
        assert ledger.repair() == []

    def test_late_jobs_expire(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job())
        redis.hset(job_key("j"), "deadline", 1)
        assert ledger.repair() == []
        record = ledger.read("j")
        assert record is not None
        assert record.state == "expired"

    def test_parts_of_vanished_jobs_leave_the_books(self, ledger: Ledger, redis: Redis) -> None:
        create(ledger, new_job())
        redis.delete(job_key("j"))
        ledger.repair()
        assert redis.zcard("clip:open") == 0
        assert redis.get("clip:open-items") == b"0"
