"""The Celery entry point: `celery -A worker.app …` finds the application here."""

import secrets
import socket
import sys
import time
from typing import Any, NoReturn

import structlog
from celery import Celery, signals
from celery.concurrency.thread import TaskPool as ThreadPool

from common import connection, logs
from common.broker import make_celery
from common.protocol import INTERACTIVE, TASK_NAME, split_queue
from common.settings import read
from worker.channel import use_channels
from worker.consumers import before_pool_stops, only_look_on
from worker.control import allow_inspection_only
from worker.lifecycle import Life, LoadedModel, load_model
from worker.metrics import WorkerMetrics
from worker.metrics_port import open_port
from worker.refusals import UnsuitableModel, explained
from worker.settings import WorkerSettings
from worker.source import Source
from worker.takers import Takers

SOCKET_TIMEOUT_S = 10.0

log = structlog.get_logger()


class Worker:
    """What hangs on one Celery application: nothing until Celery starts it."""

    def __init__(self, settings: WorkerSettings, app: Celery) -> None:
        self.settings = settings
        self.app = app
        self._loaded: LoadedModel | None = None
        self._life: Life | None = None
        self._takers: Takers | None = None
        self._metrics = WorkerMetrics()
        only_look_on(app)
        app.steps["worker"].add(before_pool_stops(self._take_no_more))
        signals.setup_logging.connect(self.configure_logs, weak=False)
        signals.worker_init.connect(self._start, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutdown.connect(self._end, weak=False)

    def load(self) -> LoadedModel:
        """Load the model once, or end the process with the reason."""
        if self._loaded is None:
            if self.settings.metrics_port:
                open_port(
                    self._metrics.registry, self.settings.metrics_host, self.settings.metrics_port
                )
            self._loaded = load_model(self.load_encoder, self.settings)
        return self._loaded

    def load_encoder(self) -> Any:  # noqa: ANN401
        # Torch takes seconds to load, and `celery status` needs none.
        from worker.checkpoint import open_checkpoint  # noqa: PLC0415
        from worker.clip import ClipEncoder  # noqa: PLC0415

        settings = self.settings
        source = Source(settings.model, settings.revision, settings.allow_pickle)
        try:
            checkpoint = open_checkpoint(source)
            with explained(source.name):
                return ClipEncoder(checkpoint, settings.device, settings.dtype)
        except UnsuitableModel as error:
            self._end_without_model(error)

    def _end_without_model(self, reason: UnsuitableModel) -> NoReturn:
        print(f"CLIP_MODEL: {reason}", file=sys.stderr)  # noqa: T201
        if not sys.stderr.isatty():
            time.sleep(self.settings.exit_pause_s)
        sys.exit(reason.exit_code)

    def configure_logs(self, **_: object) -> None:
        logs.configure("worker", self.settings.log_level, self.settings.log_format)

    def _start(self, sender: Any = None, **_: object) -> None:  # noqa: ANN401
        if sender is not None and not issubclass(sender.pool_cls, ThreadPool):
            sys.exit("the worker needs the threads pool: start it with `python -m worker`")
        use_channels()
        allow_inspection_only()
        for name in set(self.app.tasks) - {TASK_NAME}:  # Celery's own: celery.map, say
            self.app.tasks.unregister(name)
        self._life = Life(self.settings, self.load(), self._metrics)
        self._life.mend_broker()
        redis = connection.blocking(self.settings.redis_url)
        self._takers = Takers(redis, *self.settings.queues, self.app.tasks[TASK_NAME].run)

    def _ready(self, sender: Any = None, **_: object) -> None:  # noqa: ANN401
        if self._life:
            self._life.begin()
        if self._takers:
            self._takers.begin(sender.pool)

    def _take_no_more(self) -> None:
        if self._takers:
            self._takers.end()

    def _end(self, **_: object) -> None:
        if self._life:
            self._life.end()

    def run_part(self, job: str, part: int, request_id: str, queue: str) -> None:
        if self._life is None:
            raise RuntimeError("the worker has not started")
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            self._metrics.part_failed.count_exceptions(),
        ):
            kind, _ = split_queue(queue)
            self._life.run_part(job, part, is_urgent=kind == INTERACTIVE)


def node_name() -> str:
    """A name that clashes with no other worker of this host."""
    return f"clip-{secrets.token_hex(3)}@{socket.gethostname()}"


settings = read(WorkerSettings)
app = make_celery(settings.redis_url, socket_timeout_s=SOCKET_TIMEOUT_S, queues=settings.queues)
worker = Worker(settings, app)


@app.task(name=TASK_NAME)
def run_part(job: str, part: int, request_id: str, queue: str) -> None:
    worker.run_part(job, part, request_id, queue)
