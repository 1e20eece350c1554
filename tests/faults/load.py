"""Clients that keep the service busy, and a tally of all accepted jobs."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
from PIL import Image
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.deployment import Deployment
from tests.images import blob, encoded

CLIENTS = 32
THINK_S = 0.05
COLLECT_S = 120.0
"""How long an accepted job may take before it counts as lost."""


@dataclass
class Tally:
    """What became of the jobs; `refused` were never accepted, `wrong` had a wrong answer."""

    accepted: int = 0
    done: int = 0
    failed: int = 0
    lost: int = 0
    wrong: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    executed_twice: int = 0
    most_tries: int = 0
    slowest_sync_s: float = 0.0
    slowest_async_s: float = 0.0
    may_lose: bool = False
    grown_mb: Mapping[str, float] = field(default_factory=dict)

    @property
    def slowest_s(self) -> float:
        return max(self.slowest_sync_s, self.slowest_async_s)

    @property
    def is_well(self) -> bool:
        return not (self.failed or self.wrong) and (self.may_lose or not self.lost)

    def row(self) -> str:
        refused = ", ".join(f"{count} {why}" for why, count in sorted(self.refused.items()))
        grown = ", ".join(f"{name} {mb:.0f}" for name, mb in self.grown_mb.items())
        return (
            f"{self.accepted} | {self.done} | {self.failed} | {self.lost} | "
            f"{self.executed_twice} | {self.slowest_sync_s:.1f} s | {self.slowest_async_s:.1f} s | "
            f"{refused or '-'} | {grown or '-'}"
        )


def colour(chance: random.Random) -> tuple[int, int, int]:
    """Never a grey: some greys make the fake model misbehave."""
    red, green = chance.randrange(256), chance.randrange(256)
    return red, green, (red + 128) % 256


def image(of: tuple[int, int, int]) -> dict[str, str]:
    return blob(encoded(Image.new("RGB", (4, 4), of)))


def cosine(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """What the fake encoder's embeddings, the mean colour and a 1, must come to."""
    a, b = (*one, 1), (*other, 1)
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    norms = sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
    return float(dot / norms)


class Load:
    """32 clients, every fourth of which submits, leaves and comes back."""

    def __init__(self, url: str, redis_url: str) -> None:
        self.url = url
        self.tally = Tally()
        self._redis = Redis.from_url(redis_url)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Submit nothing more, and collect what was accepted."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._redis.close()

    def wait_for(self, done: int, timeout_s: float = 60.0) -> None:
        """Wait until that many more jobs are done."""
        goal = self.tally.done + done
        deadline = time.monotonic() + timeout_s
        while self.tally.done < goal:
            assert time.monotonic() < deadline, f"{self.tally.done} of {goal} done"
            time.sleep(0.02)

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        with requests.Session() as session:
            while not self._ending.wait(THINK_S):
                self._one_job(session, chance, is_async=number % 4 == 0)

    def _one_job(self, session: requests.Session, chance: random.Random, *, is_async: bool) -> None:
        query, candidates = colour(chance), [colour(chance), colour(chance)]
        body = {"queries": [image(query)], "candidates": [image(c) for c in candidates]}
        headers = {"Prefer": "respond-async"} if is_async else {}
        started = time.monotonic()
        try:
            answer = session.post(f"{self.url}/rank", json=body, headers=headers, timeout=90)
        except requests.RequestException:
            self._refused("no connection")
            return
        job = answer.headers.get("X-Job-Id", "")
        if "Location" in answer.headers:
            result = self._collect(session, job)
        elif answer.status_code == 200:
            result = answer.json()
        else:
            self._refused(f"{answer.status_code} {answer.json()['code']}")
            return
        with self._lock:
            seconds = time.monotonic() - started
            if is_async:
                self.tally.slowest_async_s = max(self.tally.slowest_async_s, seconds)
            else:
                self.tally.slowest_sync_s = max(self.tally.slowest_sync_s, seconds)
        self._account(job, result, [cosine(query, c) for c in candidates])

    def _collect(self, session: requests.Session, job: str) -> Any:
        """The result of an accepted job, the name of its end, or None when it is lost."""
        deadline = time.monotonic() + COLLECT_S
        while time.monotonic() < deadline:
            try:
                answer = session.get(f"{self.url}/jobs/{job}?wait=2", timeout=30)
            except requests.RequestException:
                time.sleep(THINK_S)
                continue
            if answer.status_code == 404:
                return None
            if answer.ok and answer.json()["finished_at"]:
                document = answer.json()
                return document.get("result", document["status"])
            if not answer.ok:
                time.sleep(THINK_S)
        return None

    def _refused(self, why: str) -> None:
        with self._lock:
            self.tally.refused[why] = self.tally.refused.get(why, 0) + 1

    def _account(self, job: str, result: Any, expected: list[float]) -> None:
        try:
            tries = int(self._redis.hget(f"clip:job:{job}", "tries:0") or 0)
        except RedisError:
            tries = 0
        with self._lock:
            tally = self.tally
            tally.accepted += 1
            tally.executed_twice += tries > 1
            tally.most_tries = max(tally.most_tries, tries)
            if result is None:
                tally.lost += 1
            elif isinstance(result, str):
                tally.failed += 1
            else:
                tally.done += 1
                [got] = result["cosine_similarities"]
                tally.wrong += any(abs(g - e) > 1e-5 for g, e in zip(got, expected, strict=True))


Scenario = Callable[[Path], Tally]
"""Does a fault to a service in this folder."""


def under_load(deployment: Deployment, harm: Callable[[Load], None]) -> Tally:
    """Load, harm, and enough work after it to see that all is well again."""
    with Load(deployment.api.url, deployment.valkey.url) as load:
        load.wait_for(done=50)
        harm(load)
        load.wait_for(done=50)
    return load.tally
