import time
from collections.abc import Iterator

import pytest
from redis import Redis
from structlog.testing import capture_logs

from api.dispatch.waiter import MAX_UNANSWERED_PINGS, QUIET_S, Waiter
from common.ledger.jobs import Ledger
from common.ledger.records import NewJob, RequestRecord
from common.protocol.messages import Item, Priority
from common.redis import connection
from tests.processes import wait_until
from tests.silent_proxy import SilentProxy


@pytest.fixture
def repairs() -> list[float]:
    return []


@pytest.fixture
def waiter(ledger: Ledger, repairs: list[float]) -> Iterator[Waiter]:
    waiter = Waiter(ledger, lambda: repairs.append(time.monotonic()), sweep_s=0.2)
    yield waiter
    waiter.close()


def create(ledger: Ledger, *jobs: str) -> None:
    item = Item("text", "a", queries=1, required=True)
    request = RequestRecord({"": [0]}, "t", [1])
    for job in jobs:
        new = NewJob(job, "encode", Priority.BULK, [[item]], request, "r", 60, 60)
        ledger.create(new, {}, max_open_items=100, worker_ttl_s=0)


def subscribers(redis: Redis) -> int:
    [(_, count)] = redis.pubsub_numsub("clip:done")
    return int(count)


def test_a_notification_wakes_the_waiters_of_its_job(
    redis: Redis, ledger: Ledger, waiter: Waiter
) -> None:
    create(ledger, "mine", "other")
    with waiter.watch("mine") as mine, waiter.watch("other") as other:
        wait_until(lambda: subscribers(redis) == 1, "the listener listens")
        ledger.stop("mine", "cancelled", "")
        assert mine.wait(2)
        assert not other.is_set()


def test_a_notification_that_came_first_counts_too(ledger: Ledger, waiter: Waiter) -> None:
    create(ledger, "mine", "other")
    with waiter.watch("mine") as mine:
        ledger.stop("mine", "cancelled", "")
        assert mine.wait(2)
    with waiter.watch("mine") as again, waiter.watch("other") as other:
        assert again.is_set()
        assert not other.is_set()


def test_the_sweep_finds_a_job_without_a_notification(
    redis: Redis, ledger: Ledger, waiter: Waiter
) -> None:
    create(ledger, "j")
    with waiter.watch("j") as ended:
        redis.hset("clip:job:j", "state", "done")
        assert ended.wait(2)


def test_a_job_that_is_gone_wakes_its_waiter(waiter: Waiter) -> None:
    with waiter.watch("never was") as ended:
        assert ended.wait(2)


def test_several_may_wait_for_one_job(ledger: Ledger, waiter: Waiter) -> None:
    create(ledger, "j")
    with waiter.watch("j") as one, waiter.watch("j") as another:
        ledger.stop("j", "cancelled", "")
        assert one.wait(2)
        assert another.wait(2)


def test_the_sweep_outlives_a_repair_that_fails(redis: Redis, ledger: Ledger) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    waiter = Waiter(ledger, fail, sweep_s=0.05)
    create(ledger, "j")
    with waiter.watch("j") as ended:
        assert not ended.wait(0.3)
        redis.hset("clip:job:j", "state", "done")
        assert ended.wait(2)
    waiter.close()


def test_the_sweep_repairs(waiter: Waiter, repairs: list[float]) -> None:
    with waiter.watch("any"):
        wait_until(lambda: len(repairs) > 1, "the sweep repairs again and again")


def test_a_silent_subscription_is_replaced(redis: Redis, redis_url: str, ledger: Ledger) -> None:
    create(ledger, "before", "after")
    with SilentProxy(redis_url).running() as proxy, capture_logs() as logs:
        client = connection.fail_fast(proxy.url, max_connections=4)
        waiter = Waiter(Ledger(client), lambda: None, sweep_s=3600)
        with waiter.watch("before") as before, waiter.watch("after") as after:
            wait_until(lambda: subscribers(redis) == 1, "the listener listens")
            ledger.stop("before", "cancelled", "")
            assert before.wait(2)
            assert proxy.silence(b"SUBSCRIBE") == 1
            wait_until(lambda: subscribers(redis) == 2, "it subscribes anew", 10)
            ledger.stop("after", "cancelled", "")
            assert after.wait(2)
        waiter.close()
        client.close()
    assert [line["event"] for line in logs] == ["listener_interrupted"]


def test_a_silent_subscription_is_noticed_within_two_seconds() -> None:
    assert QUIET_S * (1 + MAX_UNANSWERED_PINGS) <= 2
