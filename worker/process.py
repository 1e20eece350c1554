"""A worker process: it loads its model, starts, is ready, drains and stops."""

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
from worker.assembly import make_connections, make_pipeline, make_webhook_dispatcher
from worker.batching.batcher import Batcher
from worker.batching.policy import PartRef
from worker.heartbeat import HeartbeatLoop
from worker.model.encoder import DeviceFailed, Encoder
from worker.model.load_errors import ModelLoadError
from worker.model.loading import LoadedModel, load_encoder, load_model
from worker.model.warmup import TEXTS_PER_IMAGE
from worker.part.pipeline import Pipeline
from worker.part.runner import PartRunner
from worker.settings import WorkerSettings
from worker.telemetry.metrics import WorkerMetrics
from worker.webhooks.delivery import WebhookDispatcher

log = structlog.get_logger()

WATCH_S = 1.0
EXIT_BATCHER_DIED = 70  # EX_SOFTWARE of sysexits.h
EXIT_DEVICE_FAILED = 74  # EX_IOERR: start me again, if the device is well
EXIT_MODEL_HANGS = 75  # EX_TEMPFAIL: start me again


class WorkerProcess:
    """What hangs on one Celery application; `worker/queue/signals.py` calls it.

    Until `start` there is a model at most: `celery status` needs nothing of it.
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
        """Load the model once, or end the process with the reason."""
        if self._loaded is None:
            self.metrics.serve(self.settings.metrics_host, self.settings.metrics_port)
            try:
                self._loaded = load_model(self.load_encoder, self.settings)
            except ModelLoadError as error:
                self._end_without_model(error)
        return self._loaded

    def start(self, threads: int) -> None:
        """Put together what so many parts at once are run with."""
        settings, loaded = self.settings, self.load()
        redis = make_connections(settings, threads)
        self._ledger = Ledger(redis.quick)
        self._batcher = self._make_batcher(loaded)
        self.metrics.watch(self._batcher)
        self._pipeline = make_pipeline(
            settings, loaded.encoder, self._batcher, redis.cache, threads
        )
        self._heartbeat = HeartbeatLoop(settings, redis, self._app, self.metrics, self._pipeline)
        runner = PartRunner(
            self._heartbeat.name, Ledger(redis.patient), self._pipeline, self.metrics
        )
        self._run = _traced(runner, redis.patient) if settings.tracing else runner.run
        self._webhooks = make_webhook_dispatcher(settings)
        self.is_started = True

    def ready(self, consumed_queues: Callable[[], tuple[str, ...]]) -> None:
        """Begin to beat: from now on the service counts on this worker for those queues."""
        self._heartbeat.consumed_queues = consumed_queues
        self._heartbeat.start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        if self._webhooks:
            self._webhooks.begin()
        log.info("worker_ready", worker=self._heartbeat.name)

    def run_part(self, job: str, part: int) -> bool:
        """See PartRunner.run. Heartbeats name the part from before its begin until its end."""
        part_id = f"{job}:{part}"
        self._heartbeat.parts.add(part_id)
        try:
            return self._run(job, part)
        finally:
            self._heartbeat.parts.remove(part_id)

    def cancel(self, job: str) -> None:
        """Cancel a job, one of whose parts was revoked."""
        try:
            self._ledger.stop(job, "cancelled", "")
        except RedisError as error:
            log.warning("job_not_cancelled", job=job, error=type(error).__name__)

    def drain(self) -> None:
        """Celery takes no more parts and waits for those that run: let go of what only fetches."""
        self._heartbeat.consumed_queues = tuple
        self._pipeline.fetching.drain()

    def stop(self) -> None:
        """Answer what was submitted, then leave. Call it once no task runs any more."""
        self._ended.set()
        if self._webhooks:
            self._webhooks.end()
        self._batcher.close()
        for threads in self._pipeline.image_threads.values():
            threads.shutdown()
        self._heartbeat.stop()
        log.info("worker_ended", worker=self._heartbeat.name)

    def _make_batcher(self, loaded: LoadedModel) -> Batcher:
        return Batcher(
            {"image": loaded.encoder.encode_images, "text": loaded.encoder.encode_texts},
            {"image": loaded.batch_size, "text": loaded.batch_size * TEXTS_PER_IMAGE},
            on_death=self._give_up,
            on_batch=self.metrics.batch_done,
        )

    def _watch(self) -> None:
        """End the process when the model hangs: no thread can be ended from outside.

        While the process itself is frozen, as in a paused container, no model hangs.
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
        """Without its batcher a worker is of no use: leave its parts to others."""
        if isinstance(reason, DeviceFailed):
            self._end_process(f"the device failed: {reason}", suspects, EXIT_DEVICE_FAILED)
        else:
            self._end_process(f"the batcher died: {reason!r}", suspects, EXIT_BATCHER_DIED)

    def _end_process(self, reason: str, suspects: set[PartRef], status: int) -> None:
        """End at once, and note which parts may have been the cause."""
        parts = [(part.job, part.part) for part in suspects]
        log.critical("worker_gives_up", reason=reason, parts=parts)
        try:
            for job, part in parts:
                self._ledger.strike(job, part)
            self._heartbeat.leave()
        finally:
            os._exit(status)

    def _end_without_model(self, reason: ModelLoadError) -> NoReturn:
        print(f"CLIP_MODEL: {reason}", file=sys.stderr)  # noqa: T201
        if not sys.stderr.isatty():
            time.sleep(self.settings.exit_pause_s)
        sys.exit(reason.exit_code)


def _traced(runner: PartRunner, redis: Redis) -> Callable[[str, int], bool]:
    # Without tracing, its packages need not be installed.
    from worker.telemetry.tracing import TracedRunner  # noqa: PLC0415

    return TracedRunner(runner, redis).run
