"""From a request to its outcome: resolve, look up in the cache or send to workers, wait."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from celery import Celery

from api.access.proxies import job_links, path_prefix
from api.answer.jobs import COUNTED
from api.answer.results import Outcome
from api.dispatch.admission import Waiting
from api.dispatch.cached import CachedAnswers
from api.dispatch.client_jobs import Jobs
from api.dispatch.label_sets import LabelSets
from api.dispatch.models import (
    START_A_WORKER,
    RecentHeartbeats,
    ResolvedModel,
    ServedModel,
    resolve,
    served_models,
)
from api.dispatch.queue_rate import DrainMeter, whole
from api.dispatch.waiter import Waiter
from api.errors import IdempotencyKeyReused, NotFound, NoWorker, QueueFull, UnknownModel
from api.request.items import cut
from api.request.request import Request
from api.settings import ApiSettings
from common.cache.embeddings import EmbeddingCache
from common.errors import JobLost
from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.label_sets.store import LabelSetStore
from common.ledger.jobs import Ledger
from common.ledger.records import Callback, NewJob, PartMessage
from common.protocol.celery_app import send_parts
from common.protocol.messages import Priority, queue_of
from common.webhooks.outbox import Deliveries


@dataclass(frozen=True, slots=True)
class Stores:
    """What is stored in Redis besides the queues."""

    ledger: Ledger
    cache: EmbeddingCache
    heartbeats: Heartbeats
    label_sets: LabelSetStore
    deliveries: Deliveries


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    """A request with its model and label set resolved."""

    request: Request
    model: ResolvedModel


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted job of `parts` parts; `is_new` unless an earlier request made it."""

    job: str
    parts: int
    is_new: bool


class Dispatcher:
    """The API's gateway to the workers. Methods raise RedisError when Redis does not answer."""

    def __init__(self, settings: ApiSettings, stores: Stores, app: Celery) -> None:
        self._settings = settings
        self._ledger = stores.ledger
        self._heartbeats = stores.heartbeats
        self._recent = RecentHeartbeats(stores.heartbeats.alive)
        self._cached = CachedAnswers(stores.cache)
        self._app = app
        self._meter = DrainMeter()
        self._waiting = Waiting(settings.waiting_requests)
        self._waiter = Waiter(stores.ledger, self._sweep)
        self.jobs = Jobs(stores.ledger, stores.deliveries, self._waiter)
        self.label_sets = LabelSets(stores.label_sets)

    def resolve(self, request: Request) -> ResolvedRequest:
        """Choose the model; add a label set's candidates unless their embeddings are stored.

        Raises:
            UnknownModel: the named model is neither configured nor served.
            NoWorker: no model is configured, and no worker is alive.
            JobLost: the content of the label set is gone.
        """
        configured = self._settings.model_names
        try:
            model = resolve(request.model, configured, self._recent.alive())
        except (UnknownModel, NoWorker):  # its worker may have just started
            model = resolve(request.model, configured, self._heartbeats.alive())
        spec = self.label_sets.resolve(request.spec, request.owner, model)
        return ResolvedRequest(replace(request, spec=spec), model)

    def cached(self, resolved: ResolvedRequest) -> Outcome | None:
        """The outcome, if the embedding cache has all embeddings."""
        found = self._cached.find(resolved.request, resolved.model)
        return Outcome(self._ledger, found[0], [found[1]]) if found else None

    @contextmanager
    def place(self, request: Request) -> Iterator[float]:
        """A place to wait for a request's answer. Yields until when to wait.

        Raises:
            QueueFull: the answer to a synchronous request would be too late.
        """
        if request.priority is Priority.BULK:
            with self.place_to_poll(request.deadline) as deadline:
                yield deadline
            return
        items = request.spec.inputs
        wait_s = self._meter.wait_s(self._waiting.items + items)
        late_s = wait_s - (request.deadline - time.monotonic())
        with self._waiting.place(items) as has_place:
            if not has_place:
                raise QueueFull(retry_after_s=self._meter.retry_after_s(items))
            if late_s > 0:
                raise QueueFull(
                    "the queue is too long for an answer in time", retry_after_s=whole(late_s)
                )
            yield request.deadline

    @contextmanager
    def place_to_poll(self, deadline: float) -> Iterator[float]:
        """A place to wait for a job. Yields the deadline, or 0 if there is no place."""
        if deadline <= time.monotonic():
            yield deadline
            return
        with self._waiting.place() as has_place:
            yield deadline if has_place else 0.0

    def submit(self, resolved: ResolvedRequest) -> Accepted:
        """Make a job of a request and send its parts, or find the job of an earlier request.

        Raises:
            QueueFull, NoWorker: the job was not accepted.
            IdempotencyKeyReused: its key was used for another request.
            JobLost: Redis lost its data meanwhile.
        """
        job = self._new_job(resolved)
        accepted = self._admit(job, resolved.request)
        if accepted.is_new:
            queue = queue_of(job.priority, job.model_queue)
            send_parts(
                self._app,
                [PartMessage(job.id, n, queue, job.request_id) for n in range(accepted.parts)],
            )
        return accepted

    def follow(self, accepted: Accepted, owner: str, deadline: float) -> Outcome:
        """Wait until a job has ended, or until the deadline. Returns its outcome then.

        Raises:
            JobLost: the ledger no longer has it.
        """
        try:
            if accepted.is_new:
                return self.jobs.wait_for_new(accepted.job, accepted.parts, owner, deadline)
            return self.jobs.outcome(self.jobs.wait(accepted.job, owner, deadline))
        except NotFound:
            raise JobLost from None

    def live_workers(self) -> list[Heartbeat]:
        return self._heartbeats.alive()

    def models(self) -> list[ServedModel]:
        """The models of the settings, and all others that are served."""
        return served_models(self._settings.model_names, self._heartbeats.alive())

    def close(self) -> None:
        """Stop the threads that wake waiting requests."""
        self._waiter.close()

    def _new_job(self, resolved: ResolvedRequest) -> NewJob:
        settings, request, model = self._settings, resolved.request, resolved.model
        parts = cut(request.spec.items, settings.part_queries)
        job = secrets.token_hex(16)
        return NewJob(
            id=job,
            kind=request.kind,
            priority=request.priority,
            parts=parts,
            request=request.spec.record(parts, model.name, request.metadata),
            request_id=request.request_id,
            lifetime_s=settings.job_timeout_s,
            ttl_s=settings.ttl_s(request.priority),
            owner=request.owner,
            model=model.name,
            model_queue=model.model_queue,
            idempotency=request.idempotency,
            trace=request.trace,
            callback=_callback(request, model, job),
            labels=request.spec.labels if request.kind == "rank" else (),
        )

    def _admit(self, job: NewJob, request: Request) -> Accepted:
        admission = self._ledger.create(
            job,
            request.spec.blobs,
            max_open_items=self._settings.max_open_items,
            worker_ttl_s=self._settings.worker_ttl_s,
        )
        match admission.outcome:
            case "full":
                raise QueueFull(retry_after_s=self._meter.retry_after_s(admission.excess))
            case "no_worker":
                raise NoWorker(START_A_WORKER)
            case "blobs_lost":
                raise JobLost
            case "other":
                raise IdempotencyKeyReused
        return Accepted(admission.job, len(job.parts), admission.job == job.id)

    def _sweep(self) -> None:
        """Runs periodically, whether or not requests wait."""
        if lost := self._ledger.repair():
            send_parts(self._app, lost)
        is_awaited = self._waiting.items > 0
        self._meter.observe(time.monotonic(), self._ledger.load(), is_awaited=is_awaited)


def _callback(request: Request, model: ResolvedModel, job: str) -> Callback | None:
    if not request.callback:
        return None
    total = len(request.spec.lists[COUNTED[request.kind]])
    links = job_links(job, path_prefix())
    return Callback(request.callback, total, model.name, links, request.metadata)
