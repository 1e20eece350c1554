"""What clients see when gunicorn's master dies while requests are running."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from redis import Redis

from common.ledger.jobs import Ledger
from tests.api.dispatch.test_waiter import create, subscribers
from tests.processes import Api, start_api, wait_until

AT_ONCE_S = 3.0


@pytest.fixture
def redis(redis_url_of_its_own: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url_of_its_own) as client:
        yield client


@pytest.fixture
def api(folder: Path, redis: Redis, redis_url_of_its_own: str) -> Iterator[Api]:
    wait_until(lambda: not subscribers(redis), "the processes of an earlier test have ended")
    api = start_api(folder, redis_url_of_its_own, api_processes=2)
    yield api
    api.session.close()
    api.process.kill()


def port_of(api: Api) -> int:
    return int(api.url.rpartition(":")[2])


def refuses(api: Api) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port_of(api))) != 0


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_port_is_free_at_once_and_running_requests_are_answered(
    api: Api, redis: Redis, folder: Path, redis_url_of_its_own: str, ending: signal.Signals
) -> None:
    # Not by a request: the first one in a process subscribes.
    job = f"ended-by-{ending}"
    create(Ledger(redis), job)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.get, f"{api.url}/jobs/{job}?wait=50", timeout=60)
        wait_until(lambda: subscribers(redis), "the request is in hand")
        os.kill(api.process.popen.pid, ending)
        wait_until(lambda: refuses(api), "nobody listens any more", AT_ONCE_S)
        following = start_api(folder, redis_url_of_its_own, port=port_of(api))
        try:
            assert not waiting.done()
            assert following.post(f"/jobs/{job}/cancel", None).ok
            assert waiting.result(10).json()["status"] == "cancelled"
        finally:
            following.stop()
