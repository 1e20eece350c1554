"""How parts reach a worker's threads: each takes the next one itself, after its last.

Celery's own consumer takes messages in one thread, hands them to others, and hears of their end.
For each it wakes threads twice and makes a request, a trace and an acknowledgement: a quarter of
what a small part costs a worker. None of it is needed, for the ledger knows what is in hand.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from celery.worker import state
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from common.protocol import TASK_NAME, Broken
from worker.admission import admit

log = structlog.get_logger()

WAIT_S = 1.0
"""How long a thread waits for a message at a time: it notices the end of the worker no later."""
PAUSE_S = 0.5
"""After Redis refused, or was away."""

Run = Callable[[str, int, str, str], None]
"""Does one part: (job, part, request id, queue)."""


class Pool(Protocol):
    """What is used of Celery's pool of threads."""

    @property
    def num_processes(self) -> int: ...

    def apply_async(
        self, target: Callable[..., None], args: Sequence[Any], **options: object
    ) -> object: ...


def bulk_share(threads: int) -> int:
    """How many of a worker's threads bulk work may take."""
    return max(1, threads // 2)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class InHand:
    """A part as Celery's `inspect active` shows it."""

    job: str
    part: int
    since: float
    name: str = TASK_NAME

    @property
    def id(self) -> str:
        return f"{self.job}:{self.part}"

    def info(self, **_: object) -> dict[str, object]:
        """What there is to tell."""
        args = [self.job, self.part]
        return {"id": self.id, "name": self.name, "args": args, "time_start": self.since}


class Takers:
    """A worker's threads: all take interactive parts, half of them bulk parts too."""

    def __init__(self, redis: Redis, interactive: str, bulk: str, run: Run) -> None:
        """Reads of `redis` may block; nothing is tried again by itself."""
        self._redis = redis
        self._interactive = interactive
        self._bulk = bulk
        self._run = run
        self._ending = threading.Event()
        self._is_away = False

    def begin(self, pool: Pool) -> None:
        """Have all threads of a pool take parts."""
        threads = pool.num_processes
        for number in range(threads):
            takes_bulk = number < bulk_share(threads)
            pool.apply_async(self._take, (takes_bulk,), callback=lambda _: None)

    def end(self) -> None:
        """Take no more, begun or not. What is in hand is done; the pool waits for it."""
        self._ending.set()

    def _take(self, takes_bulk: bool) -> None:
        queues = [self._interactive, self._bulk] if takes_bulk else [self._interactive]
        while not self._ending.is_set():
            message = self._next(queues)
            queues.reverse()  # neither goes first for ever
            if message is not None:
                try:
                    self._do(*message)
                except Exception:  # whatever it is, this thread has more parts to do
                    log.exception("part_failed")

    def _next(self, queues: list[str]) -> tuple[str, bytes] | None:
        """A queue and what came from it; None where nothing did."""
        try:
            taken: Any = self._redis.brpop(queues, timeout=WAIT_S)
        except RedisError as error:
            self._tell(error)
            self._ending.wait(PAUSE_S)
            return None
        self._is_away = False
        return (taken[0].decode(), taken[1]) if taken else None

    def _do(self, queue: str, message: bytes) -> None:
        try:
            admitted = admit(message)
        except Broken as error:
            told = {"reason": str(error), "message": repr(message[:200])}
            log.warning("message_refused", queue=queue, **told)
            return
        in_hand = InHand(admitted.job, admitted.part, time.time())
        state.task_accepted(in_hand)
        try:
            self._run(admitted.job, admitted.part, admitted.request_id, queue)
        finally:
            state.task_ready(in_hand)

    def _tell(self, error: RedisError) -> None:
        """Once for all threads, until Redis answers again."""
        if not self._is_away:
            self._is_away = True
            reason = str(error) if isinstance(error, ResponseError) else type(error).__name__
            log.warning("queues_out_of_reach", reason=reason)
