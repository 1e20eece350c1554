"""Connections that a firewall drops silently."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.faults.test_single_faults import rank_body, tinted
from tests.processes import Api, running_worker, start_api, wait_for_workers, wait_until
from tests.silent_proxy import SilentProxy

NOTICED_WITHIN_S = 7
A_MOMENT_S = 4


def test_a_worker_whose_consumer_went_silent_takes_parts_again(
    redis_url_of_its_own: str, tmp_path: Path
) -> None:
    patience_s = NOTICED_WITHIN_S + A_MOMENT_S
    api = start_api(tmp_path, redis_url_of_its_own, sync_timeout_s=patience_s)
    arguments = ["-m", "tests.faults.worker"]
    try:
        with (
            SilentProxy(redis_url_of_its_own).running() as proxy,
            running_worker(arguments, tmp_path, proxy.url, batch_size=8) as worker,
        ):
            wait_for_workers(api, [worker])
            assert api.post("/rank", rank_body({"text": "before"})).status_code == 200
            assert proxy.silence(b"BRPOP") == 1
            assert api.post("/rank", rank_body({"text": "after"})).status_code == 200
    finally:
        api.stop()


@contextmanager
def everything_behind(proxy: SilentProxy, folder: Path) -> Iterator[Api]:
    arguments = ["-m", "tests.faults.worker"]
    api = start_api(folder, proxy.url, rate_limit="100000 per minute")
    try:
        with running_worker(arguments, folder, proxy.url, batch_size=8) as worker:
            wait_for_workers(api, [worker])
            yield api
    finally:
        api.stop()


@pytest.mark.parametrize("reads", [True, False])
def test_requests_are_answered_after_every_connection_went_silent(
    redis_url_of_its_own: str, tmp_path: Path, reads: bool
) -> None:
    def rank(number: int) -> int:
        return api.post("/rank", rank_body(tinted(100 + reads, number))).status_code

    def subscribers() -> int:
        [(_, count)] = redis.pubsub_numsub("clip:done")
        return int(count)

    with (
        SilentProxy(redis_url_of_its_own).running() as proxy,
        everything_behind(proxy, tmp_path) as api,
        ThreadPoolExecutor(16) as pool,
        Redis.from_url(redis_url_of_its_own) as redis,
    ):
        assert set(pool.map(rank, range(64))) == {200}
        before = subscribers()
        assert proxy.silence(b"", reads=reads) > 16
        assert [rank(number) for number in range(64, 80)] == [200] * 16
        # On a busy machine a new connection may time out, which is 503 at once.
        crowds = iter([range(80, 144), range(144, 208)])
        wait_until(lambda: set(pool.map(rank, next(crowds))) == {200}, "a crowd is answered")
        wait_until(lambda: subscribers() == before + 1, "the API has subscribed again")
