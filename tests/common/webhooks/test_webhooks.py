from typing import Any, cast

import orjson
import pytest
from redis import Redis
from structlog.testing import capture_logs

from common.ledger.jobs import Ledger
from common.ledger.reads import job_key
from common.ledger.records import Callback
from common.webhooks.outbox import Attempt, Claim, Deliveries, webhook_key
from tests.common.ledger.test_jobs import IMAGE, TEXT, create, new_job, result

URL = "https://example.org/hook?token=of-theirs"
DELIVERED = Attempt("delivered", 200)


@pytest.fixture
def deliveries(redis: Redis) -> Deliveries:
    return Deliveries(redis)


def add(ledger: Ledger, job: str = "j", url: str = URL, **changes: Any) -> None:
    create(ledger, new_job(job, callback=Callback(url, total=3, asked_for="m"), **changes))


def end(ledger: Ledger, job: str = "j") -> None:
    ledger.stop(job, "cancelled", "")


def claimed(deliveries: Deliveries, lease_s: float = 60) -> Claim:
    claim = deliveries.claim(lease_s)
    assert claim is not None
    return claim


def later(redis: Redis, seconds: float) -> None:
    """Let so much time pass for all deliveries."""
    for member in cast("list[bytes]", redis.zrange("clip:webhooks", 0, -1)):
        redis.zincrby("clip:webhooks", -seconds, member)


def test_nothing_is_due_before_a_job_has_ended(ledger: Ledger, deliveries: Deliveries) -> None:
    add(ledger)
    ledger.begin("j", 0, "w")
    assert deliveries.claim(60) is None
    assert deliveries.read("j") is None


def test_a_job_without_a_callback_leaves_nothing(ledger: Ledger, redis: Redis) -> None:
    create(ledger, new_job())
    ledger.forget("j")
    assert not list(redis.scan_iter("clip:webhook*"))


def test_a_job_that_is_done_names_its_model(ledger: Ledger, deliveries: Deliveries) -> None:
    add(ledger)
    for part, items in enumerate(([TEXT, IMAGE], [TEXT])):
        ledger.begin("j", part, "w")
        ledger.finish("j", part, items, result(len(items)))
    claim = claimed(deliveries)
    assert (claim.job, claim.delivery.url, claim.delivery.attempts) == ("j", URL, 1)
    told = orjson.loads(claim.delivery.body("j"))
    assert told["type"] == "job.done"
    assert told["data"]["progress"] == {"total": 3, "done": 4, "failed": 0}
    assert told["data"]["model"] == {"name": "demo", "revision": "main"}


def test_its_links_are_those_that_the_api_gave(ledger: Ledger, deliveries: Deliveries) -> None:
    links = {"self": "/clip/jobs/j", "cancel": "/clip/jobs/j/cancel"}
    create(ledger, new_job(callback=Callback(URL, total=3, links=links)))
    ledger.stop("j", "cancelled", "")
    assert orjson.loads(claimed(deliveries).delivery.body("j"))["data"]["links"] == links


def test_a_job_that_expires_has_a_webhook_too(
    ledger: Ledger, deliveries: Deliveries, redis: Redis
) -> None:
    add(ledger)
    redis.hset(job_key("j"), "deadline", 0)
    ledger.repair()
    told = orjson.loads(claimed(deliveries).delivery.body("j"))
    assert told["type"] == "job.expired"
    assert told["data"]["model"] == {"name": "m", "revision": None}
    assert told["data"]["started_at"] is None


def test_a_delivery_outlives_its_job(ledger: Ledger, deliveries: Deliveries, redis: Redis) -> None:
    add(ledger, ttl_s=10)
    end(ledger)
    redis.delete(job_key("j"))
    assert redis.ttl(webhook_key("j")) > 86_400
    claim = claimed(deliveries)
    assert claim.delivery.ending == "cancelled"
    deliveries.record_attempt(claim, DELIVERED)
    assert 0 < redis.ttl(webhook_key("j")) <= 10
    assert not redis.exists("clip:webhooks")


def test_a_job_that_ends_twice_has_one_delivery(ledger: Ledger, deliveries: Deliveries) -> None:
    add(ledger)
    end(ledger)
    ledger.forget("j")
    deliveries.record_attempt(claimed(deliveries), DELIVERED)
    assert deliveries.claim(60) is None


def test_a_claimed_delivery_is_due_again_when_the_lease_ends(
    ledger: Ledger, deliveries: Deliveries, redis: Redis
) -> None:
    add(ledger)
    end(ledger)
    first = claimed(deliveries)
    assert deliveries.claim(60) is None
    later(redis, 61)
    second = claimed(deliveries)
    assert second.delivery.attempts == 2
    assert not deliveries.record_attempt(first, DELIVERED)
    found = deliveries.read("j")
    assert found is not None
    assert found.state == "pending"
    assert deliveries.record_attempt(second, DELIVERED)


def test_the_next_attempt_is_due_after_its_pause(
    ledger: Ledger, deliveries: Deliveries, redis: Redis
) -> None:
    add(ledger)
    end(ledger)
    deliveries.record_attempt(claimed(deliveries), Attempt("pending", 503, pause_s=30))
    assert deliveries.claim(60) is None
    later(redis, 31)
    claim = claimed(deliveries)
    assert (claim.delivery.attempts, claim.delivery.status) == (2, 503)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.ORG?q=http://other/", "example.org"),
        ("http://example.org:8080/a:1", "example.org"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("http://name:secret@example.org/", "example.org"),
    ],
)
def test_a_busy_host_is_passed_over(
    ledger: Ledger, deliveries: Deliveries, url: str, host: str
) -> None:
    add(ledger, url=url)
    end(ledger)
    assert deliveries.claim(60, busy_hosts=[host]) is None
    claim = claimed(deliveries)
    assert (claim.host, claim.delivery.attempts) == (host, 1)


def test_retries_wait_where_they_must(ledger: Ledger, deliveries: Deliveries) -> None:
    for job in ("old", "new"):
        add(ledger, job)
        end(ledger, job)
    deliveries.record_attempt(claimed(deliveries), Attempt("pending", 503))
    first = deliveries.claim(60, retries=False)
    assert first is not None
    assert first.job == "new"
    assert deliveries.claim(60, retries=False) is None
    assert claimed(deliveries).job == "old"


def test_a_crowd_for_a_busy_host_hides_nothing_and_is_not_looked_at_each_time(
    ledger: Ledger, deliveries: Deliveries, redis: Redis
) -> None:
    busy = [f"busy-{number}" for number in range(300)]
    for job in (*busy, "j"):
        add(ledger, job, "https://example.org/" if job == "j" else "https://busy.example/")
        end(ledger, job)
    claim = deliveries.claim(60, busy_hosts=["busy.example"])
    assert claim is not None
    assert claim.job == "j"
    now, _ = redis.time()
    assert redis.zcount("clip:webhooks", "-inf", now + 1) == 100
    assert redis.zcount("clip:webhooks", "-inf", now + 4) == 300
    assert claimed(deliveries).job == busy[0]


@pytest.mark.parametrize("fields", [{"url": "", "total": "x"}, {"state": "?"}, None])
def test_a_corrupt_delivery_is_logged_and_keeps_no_other_waiting(
    ledger: Ledger, deliveries: Deliveries, redis: Redis, fields: dict[str, str] | None
) -> None:
    for job in ("corrupt", "j"):
        add(ledger, job)
        end(ledger, job)
    if fields is None:
        redis.delete(webhook_key("corrupt"))
    else:
        redis.hset(webhook_key("corrupt"), mapping=fields)  # type: ignore[arg-type]
    with capture_logs() as logs:
        assert claimed(deliveries).job == "j"
    assert [line["event"] for line in logs] == ["corrupt_record"] * (fields is not None)
    assert redis.zcard("clip:webhooks") == 1
