"""A worker's life: load, warm up, beat, drain."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from common.cache.embeddings import EmbeddingCache, space_of
from common.fleet.heartbeats import Heartbeat, Heartbeats, new_name
from common.ledger.jobs import Ledger
from common.protocol.celery_app import send_parts
from common.protocol.messages import ModelInfo, Priority
from common.redis import connection
from common.webhooks.outbox import Deliveries
from common.webhooks.secrets import key_of
from worker.batching.batcher import Batcher
from worker.batching.policy import PartRef
from worker.images.formats.limits import Limits
from worker.images.pixel_budget import PixelBudget
from worker.model.encoder import DeviceFailed, Encoder
from worker.model.memory import Memory, TextMemory
from worker.model.warmup import TEXTS_PER_PICTURE, parts_at_once, warm_up
from worker.net.fetch import Fetcher, FetchLimits
from worker.net.guard import Allowed, Guard, Ports
from worker.part.fetching_parts import FetchingParts
from worker.part.pipeline import Pipeline
from worker.part.runner import PartRunner
from worker.settings import WorkerSettings
from worker.telemetry.metrics import WorkerMetrics
from worker.webhooks.delivery import SETTLED_AT_ONCE, Postman, Sender
from worker.webhooks.retries import RetryPolicy

log = structlog.get_logger()

BEAT_S = 1.0
WATCH_S = 1.0
IDLE_S = 5.0
EXIT_BATCHER_DIED = 70  # EX_SOFTWARE of sysexits.h
EXIT_DEVICE_FAILED = 74  # EX_IOERR: start me again, if the device is well
EXIT_MODEL_HANGS = 75  # EX_TEMPFAIL: start me again
SPARE_CONNECTIONS = 8
DECODE_THREADS = 16
"""For each priority."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that has run once, its batch size, and how many parts to have in hand at once."""

    encoder: Encoder
    batch_size: int
    concurrency: int


def make_guard(settings: WorkerSettings) -> Guard:
    return Guard(Ports.parse(settings.fetch_ports), Allowed.parse(settings.fetch_allow))


def make_fetcher(settings: WorkerSettings) -> Fetcher:
    limits = FetchLimits(
        settings.max_image_bytes,
        settings.fetch_timeout_s,
        settings.fetch_per_host,
        settings.fetch_threads,
    )
    return Fetcher(
        make_guard(settings) if settings.fetch_urls else None,
        limits,
        use_proxies=settings.fetch_use_proxies,
    )


def make_postman(settings: WorkerSettings) -> Postman:
    # What cannot be noted while Redis is away is delivered again.
    redis = connection.fail_fast(settings.redis_url, SETTLED_AT_ONCE + 2)
    policy = RetryPolicy(settings.webhook_attempts, settings.webhook_backoff_s)
    keys = [key_of(secret.get_secret_value()) for secret in settings.webhook_secrets]
    sender = Sender(
        make_guard(settings),
        keys,
        settings.webhook_timeout_s,
        use_proxies=settings.fetch_use_proxies,
    )
    return Postman(Deliveries(redis), sender, policy)


def load_model(load: Callable[[], Encoder], settings: WorkerSettings) -> LoadedModel:
    started = time.monotonic()
    encoder = load()
    log.info("model_loaded", model=encoder.info.name, seconds=round(time.monotonic() - started, 2))
    batch_size = warm_up(encoder, settings.batch_size)
    concurrency = settings.concurrency or parts_at_once(batch_size, encoder.device)
    log.info(
        "model_warm",
        device=encoder.device,
        dtype=encoder.dtype,
        batch_size=batch_size,
        seconds=round(time.monotonic() - started, 2),
    )
    return LoadedModel(encoder, batch_size, concurrency)


def _told(model: ModelInfo) -> str:
    return f"{model.name}@{model.revision}"


def _traced(runner: PartRunner, redis: Redis) -> Callable[[str, int], bool]:
    # Without tracing, its packages need not be installed.
    from worker.telemetry.tracing import TracedRunner  # noqa: PLC0415

    return TracedRunner(runner, redis).run


class Life:
    """A worker process from the loaded model to its end."""

    def __init__(
        self,
        settings: WorkerSettings,
        loaded: LoadedModel,
        metrics: WorkerMetrics,
        app: Celery,
        threads: int,
    ) -> None:
        self.name = new_name()
        self._loaded = loaded
        self._metrics = metrics
        self._app = app
        most = 2 * DECODE_THREADS + threads + SPARE_CONNECTIONS
        patient = connection.patient(settings.redis_url, most)
        # What cannot be found at once is better computed.
        cache = connection.fail_fast(settings.redis_url, most)
        self._idle_pools = (patient.connection_pool, cache.connection_pool)
        # For what must not be held up: a heartbeat, or the strikes of a hanging process.
        quick = connection.fail_fast(settings.redis_url, max_connections=4)
        self._quick_ledger = Ledger(quick)
        self._heartbeats = Heartbeats(quick, settings.worker_ttl_s)
        self._lane = settings.lane
        self._model_timeout_s = settings.model_timeout_s
        self._image_threads = {
            priority: ThreadPoolExecutor(DECODE_THREADS, f"{priority}-image")
            for priority in Priority
        }
        self._fetching = FetchingParts(threads)
        encoder = loaded.encoder
        self._space = space_of(encoder.info, encoder.dtype, jpeg_draft=settings.jpeg_draft)
        self._batcher = Batcher(
            {"image": encoder.encode_images, "text": encoder.encode_texts},
            {"image": loaded.batch_size, "text": loaded.batch_size * TEXTS_PER_PICTURE},
            on_death=self._give_up,
            on_batch=metrics.batch_done,
        )
        metrics.watch(self._batcher)
        pipeline = Pipeline(
            encoder=encoder,
            batcher=self._batcher,
            fetcher=make_fetcher(settings),
            fetching=self._fetching,
            image_threads=self._image_threads,
            limits=Limits(settings.max_image_pixels, settings.max_image_frames),
            budgets={
                priority: PixelBudget(settings.max_pixels_in_flight // 2) for priority in Priority
            },
            memory=Memory(
                TextMemory(settings.remembered_texts),
                EmbeddingCache(cache, settings.cache_bounds),
                self._space,
            ),
            jpeg_draft=settings.jpeg_draft,
        )
        runner = PartRunner(self.name, Ledger(patient), pipeline, metrics)
        self._run = _traced(runner, patient) if settings.tracing else runner.run
        self._postman = make_postman(settings) if settings.webhook_secrets else None
        self._consumed_queues: Callable[[], tuple[str, ...]] = lambda: ()
        self._has_looked = False
        self._ended = threading.Event()
        self._since = time.time()
        self._busy_at = time.monotonic()
        self._parts: list[str] = []  # its appending and removing is atomic; one may be there twice

    def begin(self, consumed_queues: Callable[[], tuple[str, ...]]) -> None:
        """Start to beat: from now on the service counts on this worker for those queues."""
        self._consumed_queues = consumed_queues
        for loop in (self._beat, self._watch):
            threading.Thread(target=loop, name=loop.__name__, daemon=True).start()
        if self._postman:
            self._postman.begin()
        log.info("worker_ready", worker=self.name)

    def run_part(self, job: str, part: int) -> bool:
        """See PartRunner.run. Heartbeats name the part from before its begin until its end."""
        self._busy_at = time.monotonic()
        part_id = f"{job}:{part}"
        self._parts.append(part_id)
        try:
            return self._run(job, part)
        finally:
            self._parts.remove(part_id)

    def cancel(self, job: str) -> None:
        """Cancel a job, one of whose parts was revoked."""
        try:
            self._quick_ledger.stop(job, "cancelled", "")
        except RedisError as error:
            log.warning("job_not_cancelled", job=job, error=type(error).__name__)

    def drain(self) -> None:
        """Celery takes no more parts and waits for those that run: let go of what only fetches."""
        self._consumed_queues = tuple
        self._fetching.drain()

    def end(self) -> None:
        """Answer what was submitted, then leave. Call it once no task runs any more."""
        self._ended.set()
        if self._postman:
            self._postman.end()
        self._batcher.close()
        for threads in self._image_threads.values():
            threads.shutdown()
        try:
            self._heartbeats.leave(self.name)
        except RedisError as error:
            log.warning("leaving_failed", error=type(error).__name__)
        log.info("worker_ended", worker=self.name)

    def _beat(self) -> None:
        while not self._ended.is_set():
            try:
                self._heartbeats.beat(self._heartbeat())
                self._metrics.beat_sent()
                self._warn_of_other_models()
                if lost := self._quick_ledger.repair():
                    send_parts(self._app, lost)
                self._close_idle_connections()
            except RedisError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
                self._metrics.beat_failed()
            except Exception:  # whatever else it is, without this thread the worker counts as dead
                log.exception("heartbeat_failed")
                self._metrics.beat_failed()
            self._ended.wait(BEAT_S)

    def _warn_of_other_models(self) -> None:
        """Once, after the first heartbeat, so that of two that start together one warns."""
        if self._has_looked:
            return
        own = _told(self._loaded.encoder.info)
        models = {_told(beat.model) for beat in self._heartbeats.alive() if beat.lane == self._lane}
        if others := sorted(models - {own}):
            log.warning("model_conflict", model=own, others=others)
        self._has_looked = True

    def _close_idle_connections(self) -> None:
        """A burst of parts opens a connection for each thread; an idle worker keeps none."""
        if time.monotonic() - self._busy_at > IDLE_S:
            for pool in self._idle_pools:
                pool.disconnect(inuse_connections=False)

    def _watch(self) -> None:
        """End the process when the model hangs: no thread can be ended from outside.

        While the process itself is frozen, as in a paused container, no model hangs.
        """
        every_s = min(WATCH_S, self._model_timeout_s / 4)
        due = time.monotonic() + every_s
        while not self._ended.wait(every_s):
            self._batcher.excuse(max(0.0, time.monotonic() - due))
            due = time.monotonic() + every_s
            stuck = self._batcher.stuck(self._model_timeout_s)
            if not stuck:
                continue
            self._end_process("the model hangs", stuck, EXIT_MODEL_HANGS)

    def _give_up(self, reason: BaseException, suspects: set[PartRef]) -> None:
        """Without its batcher a worker is of no use: leave its parts to others."""
        if isinstance(reason, DeviceFailed):
            self._end_process(f"the device failed: {reason}", suspects, EXIT_DEVICE_FAILED)
        else:
            self._end_process(f"the batcher died: {reason!r}", suspects, EXIT_BATCHER_DIED)

    def _end_process(self, reason: str, suspects: set[PartRef], status: int) -> None:
        """End at once, and note which parts may have been the cause."""
        parts = [(origin.job, origin.part) for origin in suspects]
        log.critical("worker_gives_up", reason=reason, parts=parts)
        try:
            for job, part in parts:
                self._quick_ledger.strike(job, part)
            self._heartbeats.leave(self.name)
        finally:
            os._exit(status)

    def _heartbeat(self) -> Heartbeat:
        encoder = self._loaded.encoder
        return Heartbeat(
            name=self.name,
            model=encoder.info,
            device=encoder.device,
            dtype=encoder.dtype,
            batch_size=self._batcher.sizes["image"],
            in_flight=self._batcher.in_flight,
            since=self._since,
            lane=self._lane,
            traits=encoder.traits,
            space=self._space.name,
            parts=tuple(self._parts),
            queues=self._consumed_queues(),
        )
