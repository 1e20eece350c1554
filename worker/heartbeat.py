"""The thread that sends a heartbeat every second, with the parts that the worker runs."""

import threading
import time
from collections.abc import Callable

import structlog
from celery import Celery
from redis.exceptions import RedisError

from common.fleet.heartbeats import Heartbeat, Heartbeats, new_name
from common.ledger.jobs import Ledger
from common.protocol.celery_app import send_parts
from common.protocol.messages import ModelInfo
from worker.assembly import Connections
from worker.model.gpu.reader import GpuReader
from worker.part.pipeline import Pipeline
from worker.settings import WorkerSettings
from worker.telemetry.metrics import WorkerMetrics

log = structlog.get_logger()

BEAT_S = 1.0
IDLE_S = 5.0


class RunningParts:
    """The parts that a worker runs. Safe to use from many threads."""

    def __init__(self) -> None:
        self._ids: list[str] = []  # append and remove are atomic; an id may occur twice
        self._busy_at = time.monotonic()

    def add(self, part_id: str) -> None:
        self._busy_at = time.monotonic()
        self._ids.append(part_id)

    def remove(self, part_id: str) -> None:
        self._ids.remove(part_id)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._ids)

    @property
    def idle_s(self) -> float:
        """The seconds since the last part began."""
        return time.monotonic() - self._busy_at


class HeartbeatLoop:
    """Sends heartbeats, repairs the ledger, and closes idle connections."""

    def __init__(
        self,
        settings: WorkerSettings,
        redis: Connections,
        app: Celery,
        metrics: WorkerMetrics,
        pipeline: Pipeline,
    ) -> None:
        self.name = new_name()
        self.parts = RunningParts()
        self.consumed_queues: Callable[[], tuple[str, ...]] = lambda: ()
        self.node = ""
        self._heartbeats = Heartbeats(redis.quick, settings.worker_ttl_s, settings.keys)
        self._ledger = Ledger(redis.quick, settings.keys)
        self._app = app
        self._metrics = metrics
        self._idle_pools = (redis.patient.connection_pool, redis.cache.connection_pool)
        self._encoder = pipeline.encoder
        self._read_gpu = GpuReader(pipeline.encoder.device)
        self._batcher = pipeline.batcher
        self._space = pipeline.memory.space.name
        self._model_queue = settings.model_queue
        self._since = time.time()
        self._has_looked = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start to send heartbeats: from now on the worker counts as alive."""
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """Stop, then leave at once; in this order, because a late heartbeat would undo it."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        try:
            self._heartbeats.leave(self.name)
        except RedisError as error:
            log.warning("leaving_failed", error=type(error).__name__)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._heartbeats.beat(self._heartbeat())
                self._metrics.beat_sent()
                self._warn_of_other_models(self._encoder.info)
                if lost := self._ledger.repair():
                    send_parts(self._app, lost)
                self._close_idle_connections()
            except RedisError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
                self._metrics.beat_failed()
            except Exception:  # keep the thread alive: without it the worker counts as dead
                log.exception("heartbeat_failed")
                self._metrics.beat_failed()
            self._ended.wait(BEAT_S)

    def _heartbeat(self) -> Heartbeat:
        encoder = self._encoder
        return Heartbeat(
            name=self.name,
            model=encoder.info,
            device=encoder.device,
            dtype=encoder.dtype,
            batch_size=self._batcher.sizes["image"],
            in_flight=self._batcher.in_flight,
            since=self._since,
            model_queue=self._model_queue,
            traits=encoder.traits,
            space=self._space,
            parts=self.parts.ids,
            queues=self.consumed_queues(),
            configured_batch_size=self._batcher.configured_sizes["image"],
            node=self.node,
            encoded_images=self._metrics.encoded["image"],
            encoded_texts=self._metrics.encoded["text"],
            gpu=self._read_gpu(),
        )

    def _warn_of_other_models(self, own: ModelInfo) -> None:
        """Warn once, after the first heartbeat, so that of two that start together one warns."""
        if self._has_looked:
            return
        alive = (beat for beat in self._heartbeats.alive() if beat.model_queue == self._model_queue)
        if others := sorted({_full_name(beat.model) for beat in alive} - {_full_name(own)}):
            log.warning("model_conflict", model=_full_name(own), others=others)
        self._has_looked = True

    def _close_idle_connections(self) -> None:
        """Close the connections of an idle worker; a burst of parts opens one per thread."""
        if self.parts.idle_s > IDLE_S:
            for pool in self._idle_pools:
                pool.disconnect(inuse_connections=False)


def _full_name(model: ModelInfo) -> str:
    return f"{model.name}@{model.revision}"
