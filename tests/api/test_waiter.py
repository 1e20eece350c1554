import time
from collections.abc import Iterator

import pytest
from redis import Redis

from api.waiter import Waiter
from common.jobs import Ledger
from common.news import load_news
from tests.common.test_jobs import TEXT, create, new_job, result
from tests.processes import wait_until


@pytest.fixture
def repairs() -> list[float]:
    return []


@pytest.fixture
def waiter(ledger: Ledger, repairs: list[float]) -> Iterator[Waiter]:
    waiter = Waiter(ledger, lambda: repairs.append(time.monotonic()), sweep_s=0.2)
    yield waiter
    waiter.close()


def subscribers(redis: Redis) -> int:
    [(_, count)] = redis.pubsub_numsub("clip:done")
    return int(count)


def test_a_hint_wakes_whoever_waits_for_the_job(
    redis: Redis, ledger: Ledger, waiter: Waiter
) -> None:
    create(ledger, new_job("mine"))
    create(ledger, new_job("other"))
    with waiter.watch("mine") as mine, waiter.watch("other") as other:
        wait_until(lambda: subscribers(redis) == 1, "the listener listens")
        ledger.stop("mine", "cancelled", "")
        assert mine.wait(2)
        assert not other.is_set()


def test_of_a_job_made_in_its_name_it_hears_all_the_news(
    redis: Redis, ledger: Ledger, waiter: Waiter
) -> None:
    create(ledger, new_job("mine", parts=[[TEXT]], waiter=waiter.name))
    create(ledger, new_job("anybody's", parts=[[TEXT]]))
    with waiter.watch("mine") as mine, waiter.watch("anybody's") as other:
        wait_until(lambda: subscribers(redis) == 1, "the listener listens")
        for job in ("mine", "anybody's"):
            ledger.finish(job, 0, [TEXT], result(1))
        assert mine.wait(2)
        assert other.wait(2)
        assert load_news("mine", mine.news)
        assert not other.news


def test_a_hint_that_came_first_is_heard_all_the_same(ledger: Ledger, waiter: Waiter) -> None:
    create(ledger, new_job("mine"))
    create(ledger, new_job("other"))
    with waiter.watch("mine") as mine:
        ledger.stop("mine", "cancelled", "")
        assert mine.wait(2)
    with waiter.watch("mine") as again, waiter.watch("other") as other:
        assert again.is_set()
        assert not other.is_set()


def test_the_sweep_finds_what_no_hint_told_of(redis: Redis, ledger: Ledger, waiter: Waiter) -> None:
    create(ledger, new_job())
    with waiter.watch("j") as ended:
        redis.hset("clip:job:j", "state", "done")
        assert ended.wait(2)


def test_a_job_that_is_gone_wakes_its_waiter(waiter: Waiter) -> None:
    with waiter.watch("never was") as ended:
        assert ended.wait(2)


def test_several_may_wait_for_one_job(ledger: Ledger, waiter: Waiter) -> None:
    create(ledger, new_job())
    with waiter.watch("j") as one, waiter.watch("j") as another:
        ledger.stop("j", "cancelled", "")
        assert one.wait(2)
        assert another.wait(2)


def test_the_listener_outlives_whatever_is_published(
    redis: Redis, ledger: Ledger, waiter: Waiter
) -> None:
    create(ledger, new_job())
    with waiter.watch("j") as ended:
        wait_until(lambda: subscribers(redis) == 1, "the listener listens")
        redis.publish("clip:done", b"\xff\xfe")
        redis.publish("clip:done", b"j")
        assert ended.wait(2)


def test_the_sweep_outlives_a_repair_that_fails(redis: Redis, ledger: Ledger) -> None:
    def fail() -> None:
        raise ValueError("forged")

    waiter = Waiter(ledger, fail, sweep_s=0.05)
    create(ledger, new_job())
    with waiter.watch("j") as ended:
        assert not ended.wait(0.3)
        redis.hset("clip:job:j", "state", "done")
        assert ended.wait(2)
    waiter.close()


def test_the_sweep_repairs(waiter: Waiter, repairs: list[float]) -> None:
    with waiter.watch("any"):
        wait_until(lambda: len(repairs) > 1, "the sweep repairs again and again")
