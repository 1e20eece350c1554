"""A worker process: load the model, start, ready, drain, stop."""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import structlog
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from common import logs
from common.ledger.jobs import Ledger
from common.redis.keys import Keys
from common.redis.server import EXIT_UNUSABLE, UnusableServer, check_server
from worker.assembly import make_connections, make_pipeline, make_webhook_dispatcher
from worker.batching.batcher import Batcher
from worker.batching.failures import ModelBroken
from worker.batching.policy import PartRef
from worker.heartbeat import HeartbeatLoop
from worker.model.encoder import DeviceFailed, Encoder
from worker.model.load_errors import DeviceUnusable, ModelLoadError
from worker.model.loading import LoadedModel, load_encoder, load_model
from worker.model.warmup import TEXTS_PER_IMAGE, blank_image, short_text
from worker.part.pipeline import Pipeline
from worker.part.runner import PartRunner
from worker.settings import WorkerSettings
from worker.telemetry.metrics import WorkerMetrics
from worker.webhooks.delivery import WebhookDispatcher

log = structlog.get_logger()

WATCH_S = 1.0
CHECK_REDIS_S = 1.0
LEAVE_S = 2.0
EXIT_MODEL_BROKEN = 69  # EX_UNAVAILABLE of sysexits.h: restart the worker
EXIT_BATCHER_DIED = 70  # EX_SOFTWARE
EXIT_MODEL_HANGS = 75  # EX_TEMPFAIL: restart the worker


class WorkerProcess:
    """The life cycle of a worker process; `worker/queue/signals.py` drives it.

    Before `start` there is at most a loaded model, because `celery status` needs nothing else.
    """

    def __init__(self, settings: WorkerSettings, app: Celery) -> None:
        self.settings = settings
        self.exit_code = 0
        self.metrics = WorkerMetrics()
        self.is_started = False
        self._app = app
        self._loaded: LoadedModel | None = None
        self._ended = threading.Event()
        self._ledger: Ledger
        self._batcher: Batcher
        self._pipeline: Pipeline
        self._heartbeat: HeartbeatLoop
        self._webhooks: WebhookDispatcher | None
        self._run: Callable[[str, int], bool]

    def configure_logs(self) -> None:
        logs.configure("worker", self.settings.log_level, self.settings.log_format)

    def load_encoder(self) -> Encoder:
        return load_encoder(self.settings)

    def load(self) -> LoadedModel:
        """Load the model once, or exit with the reason."""
        if self._loaded is None:
            self._check_redis()
            self.metrics.serve(self.settings.metrics_host, self.settings.metrics_port)
            try:
                self._loaded = load_model(self.load_encoder, self.settings)
            except ModelLoadError as error:
                self._end_at_start(f"CLIP_MODEL: {error}", error.exit_code)
        return self._loaded

    def start(self, threads: int) -> None:
        """Assemble the components that run `threads` parts at once."""
        settings, loaded = self.settings, self.load()
        redis = make_connections(settings, threads)
        self._ledger = Ledger(redis.quick, settings.keys)
        self._batcher = self._make_batcher(loaded)
        self.metrics.watch(self._batcher)
        self._pipeline = make_pipeline(
            settings, loaded.encoder, self._batcher, redis.cache, threads
        )
        self._heartbeat = HeartbeatLoop(settings, redis, self._app, self.metrics, self._pipeline)
        ledger = Ledger(redis.patient, settings.keys)
        runner = PartRunner(self._heartbeat.name, ledger, self._pipeline, self.metrics)
        self._run = (
            _traced(runner, redis.patient, settings.keys) if settings.tracing else runner.run
        )
        self._webhooks = make_webhook_dispatcher(settings)
        self.is_started = True

    def ready(self, node: str, consumed_queues: Callable[[], tuple[str, ...]]) -> None:
        """Start heartbeats: from now on the worker counts as a consumer of those queues.

        `node` is Celery's name of the worker.
        """
        self._heartbeat.node = node
        self._heartbeat.consumed_queues = consumed_queues
        self._heartbeat.start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        if self._webhooks:
            self._webhooks.begin()
        log.info("worker_ready", worker=self._heartbeat.name, node=node)

    def run_part(self, job: str, part: int) -> bool:
        """See PartRunner.run. Heartbeats list the part from before it begins until it ends."""
        part_id = f"{job}:{part}"
        self._heartbeat.parts.add(part_id)
        try:
            return self._run(job, part)
        finally:
            self._heartbeat.parts.remove(part_id)

    def cancel(self, job: str) -> None:
        """Cancel the job of a revoked part."""
        try:
            self._ledger.stop(job, "cancelled", "")
        except RedisError as error:
            log.warning("job_not_cancelled", job=job, error=type(error).__name__)

    def drain(self) -> None:
        """Celery waits for running parts: release those that only wait for images."""
        self._heartbeat.consumed_queues = tuple
        self._pipeline.fetching.drain()

    def stop(self) -> None:
        """Encode what was submitted, then leave. Call it when no task runs any more."""
        self._ended.set()
        if self._webhooks:
            self._webhooks.end()
        self._batcher.close()
        for threads in self._pipeline.image_threads.values():
            threads.shutdown()
        if self._pipeline.decode_processes:
            self._pipeline.decode_processes.close()
        self._heartbeat.stop()
        log.info("worker_ended", worker=self._heartbeat.name)

    def _make_batcher(self, loaded: LoadedModel) -> Batcher:
        encoder = loaded.encoder
        return Batcher(
            {"image": encoder.encode_images, "text": encoder.encode_texts},
            {"image": loaded.batch_size, "text": loaded.batch_size * TEXTS_PER_IMAGE},
            on_death=self._give_up,
            on_batch=self.metrics.batch_done,
            controls={"image": blank_image(encoder), "text": short_text(encoder)},
            start=encoder.start,
        )

    def _watch(self) -> None:
        """Exit if the model hangs, because a thread cannot be killed.

        Time in which the process itself was frozen, as in a paused container, does not count.
        """
        timeout_s = self.settings.model_timeout_s
        every_s = min(WATCH_S, timeout_s / 4)
        due = time.monotonic() + every_s
        while not self._ended.wait(every_s):
            self._batcher.excuse(max(0.0, time.monotonic() - due))
            due = time.monotonic() + every_s
            if stuck := self._batcher.stuck(timeout_s):
                self._end_process("the model hangs", stuck, EXIT_MODEL_HANGS)

    def _give_up(self, reason: BaseException, suspects: set[PartRef]) -> None:
        """Exit: without its batcher a worker is useless. Other workers run its parts."""
        if isinstance(reason, DeviceFailed):
            self._end_process(f"the device failed: {reason}", suspects, DeviceUnusable.exit_code)
        elif isinstance(reason, ModelBroken):
            self._end_process(f"the model is broken: {reason}", suspects, EXIT_MODEL_BROKEN)
        else:
            self._end_process(f"the batcher died: {reason!r}", suspects, EXIT_BATCHER_DIED)

    def _end_process(self, reason: str, suspects: set[PartRef], status: int) -> None:
        """Exit at once, with a strike for each part that may be the cause.

        That is each part with items in the running batch: the assertion that failed on the device
        may be theirs. The other parts of this worker get no strike.
        """
        parts = [(part.job, part.part) for part in suspects]
        log.critical("worker_gives_up", reason=reason, parts=parts)
        try:
            for job, part in parts:
                self._ledger.strike(job, part, self._heartbeat.name)
            self._heartbeat.stop(LEAVE_S)
        finally:
            os._exit(status)

    def _check_redis(self) -> None:
        """Exit if Redis cannot be used. If it does not answer, check again when it does."""
        try:
            self._check_server()
        except UnusableServer as error:
            self._end_at_start(str(error), EXIT_UNUSABLE)
        except RedisError:
            threading.Thread(target=self._check_redis_later, name="check", daemon=True).start()

    def _check_redis_later(self) -> None:
        while not self._ended.wait(CHECK_REDIS_S):
            try:
                self._check_server()
                break
            except UnusableServer as error:
                log.critical("worker_gives_up", reason=str(error), parts=[])
                os._exit(EXIT_UNUSABLE)
            except RedisError:
                continue

    def _check_server(self) -> None:
        settings = self.settings
        check_server(settings.redis_url, settings.keys, settings.queues)

    def _end_at_start(self, reason: str, status: int) -> NoReturn:
        print(reason, file=sys.stderr)  # noqa: T201
        if not sys.stderr.isatty():
            time.sleep(self.settings.exit_pause_s)
        sys.exit(status)


def _traced(runner: PartRunner, redis: Redis, keys: Keys) -> Callable[[str, int], bool]:
    # Imported here because the packages for tracing are optional.
    from worker.telemetry.tracing import TracedRunner  # noqa: PLC0415

    return TracedRunner(runner, redis, keys).run
