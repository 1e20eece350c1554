"""The way past the queue: a request all of whose embeddings are cached is answered at once."""

import threading
import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from api import remembered
from api.items import DistinctItems
from api.lineup import Choice
from api.settings import ApiSettings
from common.embeddings import Space
from common.heartbeats import Heartbeat, Heartbeats
from common.protocol import ModelInfo
from common.recall import Question

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
MOST_ITEMS = 1024
"""What Redis looks up and joins in a few milliseconds; others wait for it meanwhile."""


class Shortcut:
    """Knows what to ask the cache for."""

    def __init__(self, settings: ApiSettings, heartbeats: Heartbeats) -> None:
        self._bounds = settings.cache_bounds
        self._workers = RememberedWorkers(heartbeats.alive, LOOK_EVERY_S)

    def question(self, work: DistinctItems, choice: Choice) -> Question | None:
        """What would make the job of a synchronous request done; None where only workers can.

        Trouble with Redis is no error here: who makes the job is told of it.
        """
        if self._bounds.generation == 0 or not _may_be_cached(work):
            return None
        try:
            found = space_of(choice, self._workers.alive())
        except RedisError as error:
            log.warning("embeddings_not_read", error=type(error).__name__)
            return None
        if found is None:
            return None
        request = remembered.request(work, [work.items], choice)
        return Question(work.items, request, *found, self._bounds)


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
