"""The way past the queue: a request all of whose embeddings are cached is answered at once."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from redis.exceptions import RedisError

from api import remembered
from api.caller import Caller
from api.items import DistinctItems
from api.lineup import Choice, choose
from api.settings import ApiSettings
from common.embeddings import Space
from common.errors import UnknownModel
from common.heartbeats import Heartbeat, Heartbeats
from common.protocol import INTERACTIVE, ModelInfo, queue_of
from common.recall import Recall, Recalled
from common.records import Idempotency, NewJob

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
MOST_ITEMS = 1024
"""What Redis looks up and joins in a few milliseconds; others wait for it meanwhile."""


class Shortcut:
    """Makes jobs that are done from what workers of a model have cached."""

    def __init__(self, settings: ApiSettings, recall: Recall, heartbeats: Heartbeats) -> None:
        self._settings = settings
        self._recall = recall
        self._workers = RememberedWorkers(heartbeats.alive, LOOK_EVERY_S)
        self._is_on = settings.cache_bounds.generation > 0

    def take(
        self, kind: str, work: DistinctItems, caller: Caller, idempotency: Idempotency | None
    ) -> Recalled | None:
        """The job of a synchronous request, done; None where the queue must be gone through.

        Trouble with Redis is no error here: who goes through the queue is told of it.
        """
        if not self._is_on or not _may_be_cached(work):
            return None
        try:
            choice = choose(work.named, self._settings.models, self._workers.alive)
            found = space_of(choice, self._workers.alive())
            if found is None:
                return None
            job = self._job(kind, work, caller, choice)
            return self._recall.make(replace(job, idempotency=idempotency), *found)
        except UnknownModel:  # as of a moment ago
            return None
        except RedisError as error:
            log.warning("embeddings_not_read", error=type(error).__name__)
            self._workers.forget()
            return None

    def _job(self, kind: str, work: DistinctItems, caller: Caller, choice: Choice) -> NewJob:
        parts = [work.items]
        return NewJob(
            id=secrets.token_hex(16),
            kind=kind,
            queue=queue_of(INTERACTIVE, choice.lane),
            parts=parts,
            request=remembered.request(work, parts, choice),
            request_id=caller.request_id,
            lifetime_s=self._settings.job_timeout_s,
            ttl_s=self._settings.sync_result_ttl_s,
            owner=caller.owner,
            model=choice.model,
        )


class RememberedWorkers:
    """The live workers as of a moment ago, so that not every request asks for them."""

    def __init__(self, ask: Callable[[], list[Heartbeat]], ask_every_s: float) -> None:
        self._ask = ask
        self._ask_every_s = ask_every_s
        self._lock = threading.Lock()
        self._alive: list[Heartbeat] = []
        self._asked = -float("inf")

    def alive(self) -> list[Heartbeat]:
        """None of them for a moment after Redis failed. Raises RedisError when it does."""
        with self._lock:
            if time.monotonic() - self._asked > self._ask_every_s:
                self._asked, self._alive = time.monotonic(), []
                self._alive = self._ask()
            return self._alive

    def forget(self) -> None:
        """Count on no worker for a moment."""
        with self._lock:
            self._asked, self._alive = time.monotonic(), []


def space_of(choice: Choice, alive: list[Heartbeat]) -> tuple[ModelInfo, Space] | None:
    """The model that a job would be done by, and its space; None unless all workers agree."""
    told = {
        (beat.space, beat.model)
        for beat in alive
        if beat.lane == choice.lane and choice.model in ("", beat.model.name)
    }
    if len(told) != 1:
        return None
    [(name, model)] = told
    return (model, Space(name, model.dimension)) if name else None


def _may_be_cached(work: DistinctItems) -> bool:
    """The content of a URL is not known before it is fetched."""
    items = work.items
    return 0 < len(items) <= MOST_ITEMS and all(item.kind != "uri" for item in items)
