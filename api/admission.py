"""How a request becomes a job: looked for in the cache, admitted and stored, in one step."""

import secrets
import time
from dataclasses import dataclass, replace

import structlog

from api import remembered
from api.caller import Caller
from api.documents import COUNTED
from api.drain import DrainMeter
from api.items import DistinctItems, cut
from api.lineup import Choice, choose
from api.settings import ApiSettings
from api.shortcut import Shortcut
from common.errors import BrokerAway, IdempotencyKeyReused, NoWorker, QueueFull
from common.heartbeats import Heartbeats
from common.jobs import Ledger
from common.protocol import BULK, INTERACTIVE, Broken, queue_of
from common.recall import Question, Recalled
from common.records import Admission, Callback, Idempotency, NewJob

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that was accepted, of so many `parts`; `is_new` unless an earlier request made it.

    It was `recalled` where all that it needs is cached, and is done then.
    """

    job: str
    parts: int
    is_new: bool
    recalled: Recalled | None = None


class Admitter:
    """Makes jobs of what requests bring, or raises why not.

    Synchronous jobs are made in the name of a `waiter`, which is told of their ends.
    """

    def __init__(
        self, settings: ApiSettings, ledger: Ledger, heartbeats: Heartbeats, waiter: str
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._heartbeats = heartbeats
        self._waiter = waiter
        self._shortcut = Shortcut(settings, heartbeats)
        self._meter = DrainMeter()

    def admit(
        self,
        kind: str,
        work: DistinctItems,
        caller: Caller,
        *,
        is_async: bool,
        idempotency: Idempotency | None,
    ) -> Accepted:
        """Make a job of the items, or find the one that an earlier request made.

        Raises:
            QueueFull, NoWorker: the job was not accepted.
            IdempotencyKeyReused: its key belongs to another request.
            UnknownModel: the model that the request names is not served.
            BrokerAway: Redis lost the pictures.
            RedisError: Redis is away.
        """
        choice = choose(work.named, self._settings.models, self._heartbeats.alive)
        job = self._new_job(kind, work, choice, caller, is_async=is_async)
        question = None if is_async else self._shortcut.question(work, choice)
        return self._accept(replace(job, idempotency=idempotency), work, question)

    def observe_load(self) -> None:
        """Take note of how fast the queue drains; now and then."""
        self._meter.observe(time.monotonic(), self._ledger.load())

    def _new_job(
        self, kind: str, work: DistinctItems, choice: Choice, caller: Caller, *, is_async: bool
    ) -> NewJob:
        settings = self._settings
        parts = cut(work.items, settings.part_queries)
        return NewJob(
            id=secrets.token_hex(16),
            kind=kind,
            queue=queue_of(BULK if is_async else INTERACTIVE, choice.lane),
            model=choice.model,
            parts=parts,
            request=remembered.request(work, parts, choice),
            request_id=caller.request_id,
            lifetime_s=settings.job_timeout_s,
            ttl_s=settings.result_ttl_s if is_async else settings.sync_result_ttl_s,
            owner=caller.owner,
            trace=caller.trace,
            listed=is_async,
            callback=self._callback(kind, work, choice),
            waiter="" if is_async else self._waiter,
        )

    def _accept(self, job: NewJob, work: DistinctItems, question: Question | None) -> Accepted:
        admission = self._admit(job, work, question)
        if question and admission.outcome == "recalled":
            try:
                recalled = question.answer(job, admission.found)
            except Broken as error:
                log.warning("embedding_refused", reason=str(error))
                self._ledger.forget(job.id)
                return self._accept(job, work, None)
            return Accepted(job.id, recalled.record.parts, is_new=True, recalled=recalled)
        return Accepted(admission.job, len(job.parts), admission.job == job.id)

    def _admit(self, job: NewJob, work: DistinctItems, question: Question | None) -> Admission:
        """Have the ledger make a job, or raise why it does not."""
        settings = self._settings
        admission = self._ledger.create(
            job,
            work.blobs,
            max_open_items=settings.max_open_items,
            worker_ttl_s=0 if job.listed else settings.worker_ttl_s,
            asked=question.arguments() if question else (),
        )
        match admission.outcome:
            case "full":
                raise QueueFull(retry_after_s=self._meter.retry_after_s(admission.excess))
            case "emptied":
                raise BrokerAway
            case "no_worker":
                raise NoWorker
            case "other":
                raise IdempotencyKeyReused
        return admission

    @staticmethod
    def _callback(kind: str, work: DistinctItems, choice: Choice) -> Callback | None:
        if not work.callback:
            return None
        return Callback(work.callback, len(work.lists[COUNTED[kind]]), choice.model)
