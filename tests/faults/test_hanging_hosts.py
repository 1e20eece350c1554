"""Image hosts that accept connections and never answer."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.faults.deployment import Deployment, deployed
from tests.image_server import ImageServer, Stalling
from tests.images import blob, encoded
from tests.loopback import hanging_port, many_hosts, one_host
from tests.processes import wait_until

FETCH_TIMEOUT_S = 8
ANSWERED_WITHIN_S = 20
"""Detecting stalled parts takes a few seconds, and longer on a busy machine."""
RATE_IS_KNOWN_S = 12
"""Open parts hardly drain: a rate that counted them would refuse every request."""
TEXT = {"text": "a"}
GREEDY, MODEST = "the-key-of-a-greedy-client", "the-key-of-a-modest-client"


def small(red: int, green: int) -> bytes:
    return encoded(Image.new("RGB", (4, 4), (red, green, 30)))


def rank(url: str, *queries: Any, key: str = "") -> requests.Response:
    body = {"queries": queries, "candidates": [TEXT]}
    headers = {"X-API-Key": key} if key else {}
    return requests.post(f"{url}/rank", json=body, headers=headers, timeout=150)


def images(port: int, host_of: Callable[[int], str], numbers: range) -> list[Any]:
    return [{"img_uri": f"http://{host_of(number)}:{port}/{number}"} for number in numbers]


class Attack:
    """Two synchronous requests, each with a thousand images that never arrive."""

    def __init__(self, service: Deployment, port: int, host_of: Callable[[int], str]) -> None:
        self._pool = ThreadPoolExecutor(2)
        self.answers = [
            self._pool.submit(
                rank, service.api.url, *images(port, host_of, range(first, first + 1000))
            )
            for first in (0, 1000)
        ]


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("h")
    with deployed(folder, workers=1, fetch_timeout_s=FETCH_TIMEOUT_S) as deployment:
        yield deployment


def running(service: Deployment) -> int:
    """How many parts the workers run."""
    with service.redis() as redis:
        states = [redis.hgetall(job) for job in redis.scan_iter("clip:job:*")]
    return sum(
        value == b"running" and field.startswith(b"state:")
        for state in states
        for field, value in state.items()
    )


@pytest.mark.parametrize("host_of", [one_host, many_hosts])
def test_others_are_answered_meanwhile(
    service: Deployment, image_server: ImageServer, host_of: Callable[[int], str]
) -> None:
    fetched = image_server.serve(small(1, 1))
    with hanging_port() as port:
        attack = Attack(service, port, host_of)
        wait_until(lambda: running(service) >= 16, "the parts hold all threads")
        try:
            ask_meanwhile(service.api.url, fetched, attack)
        finally:
            service.workers[0].kill()
            service.api.process.kill()


def ask_meanwhile(url: str, fetched: str, attack: Attack) -> None:
    """Ask until the rate at which the queue drains is known, or the attack is over."""
    attacked = time.monotonic()
    for number in count():
        is_over = any(answer.done() for answer in attack.answers)
        if number >= 12 and (is_over or time.monotonic() - attacked > RATE_IS_KNOWN_S):
            return
        assert not is_over
        uploaded = blob(small(2 + number // 250, number % 250))
        for query in (uploaded, {"img_uri": fetched}):
            started = time.monotonic()
            answer = rank(url, query)
            assert answer.status_code == 200, answer.text
            assert time.monotonic() - started < ANSWERED_WITHIN_S


def test_a_job_of_a_hanging_host_ends_soon(service: Deployment) -> None:
    with hanging_port() as port:
        started = time.monotonic()
        for answer in Attack(service, port, one_host).answers:
            got = answer.result(150)
            assert got.status_code == 422
            assert {error["code"] for error in got.json()["errors"]} == {"fetch_timeout"}
        assert time.monotonic() - started < 6 * FETCH_TIMEOUT_S
    assert service.workers[0].log.count("host_hangs") == 1


def test_a_host_that_answers_again_is_asked_again(
    service: Deployment, image_server: ImageServer
) -> None:
    hanging = [Stalling(image_server, small(3, number)) for number in range(3)]
    got = rank(service.api.url, *({"img_uri": image.url} for image in hanging))
    assert got.status_code == 422
    good = {"img_uri": image_server.serve(small(4, 4))}
    assert rank(service.api.url, good).json()["errors"][0]["code"] == "fetch_timeout"
    wait_until(lambda: rank(service.api.url, good).status_code == 200, "it is asked again")
    for image in hanging:
        image.let_go.set()


def test_a_worker_that_drains_releases_parts_that_only_fetch(
    service: Deployment, image_server: ImageServer
) -> None:
    [old] = service.workers
    image = Stalling(image_server, small(5, 5))
    with ThreadPoolExecutor(1) as pool, hanging_port() as port:
        Attack(service, port, many_hosts)
        wait_until(lambda: running(service) >= 16, "the parts hold all threads")
        waiting = pool.submit(rank, service.api.url, {"img_uri": image.url})
        assert image.asked.acquire(timeout=30)
        service.add_worker()
        started = time.monotonic()
        assert old.stop() == 0
        assert time.monotonic() - started < 10
        assert image.asked.acquire(timeout=30), "the other worker fetches it"
        image.let_go.set()
        assert waiting.result(30).status_code == 200
        service.workers[-1].kill()
        service.api.process.kill()


def test_an_api_key_leaves_threads_to_others(tmp_path: Path, image_server: ImageServer) -> None:
    fetched = image_server.serve(small(6, 6))
    keys = f"{GREEDY}, {MODEST}"
    with (
        deployed(tmp_path, api_keys=keys, fetch_threads=8, fetch_timeout_s=100) as service,
        hanging_port() as port,
        ThreadPoolExecutor(9) as pool,
    ):
        [worker] = service.workers
        try:
            hanging = [
                pool.submit(
                    rank,
                    service.api.url,
                    *images(port, many_hosts, range(first, first + 10)),
                    key=GREEDY,
                )
                for first in range(0, 90, 10)
            ]
            wait_until(lambda: "part_released" in worker.log, "its parts hold as much as they may")
            answer = rank(service.api.url, {"img_uri": fetched}, key=MODEST)
            assert answer.status_code == 200, answer.text
            assert not any(job.done() for job in hanging), "none has made room"
        finally:
            worker.kill()
            service.api.process.kill()
