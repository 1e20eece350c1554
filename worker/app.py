"""The Celery entry point: `celery -A worker.app …` finds the application here."""

import secrets
import socket
import sys
import time
from typing import Any, NoReturn

import structlog
from celery import Celery, Task, signals
from celery.exceptions import Ignore
from celery.worker.request import Request

from common import logs
from common.protocol.celery_app import make_celery, put_nothing_back
from common.protocol.messages import TASK_NAME
from common.settings import read
from worker.model.refusals import UnsuitableModel, explained
from worker.model.source import Source
from worker.process import Life, LoadedModel, load_model
from worker.queue.bulk_share import BulkShare
from worker.queue.celery_options import UnsupportedOption, check_options
from worker.settings import WorkerSettings
from worker.telemetry.metrics import WorkerMetrics
from worker.telemetry.metrics_port import open_port

SOCKET_TIMEOUT_S = 10.0
EXIT_USAGE = 64  # EX_USAGE of sysexits.h

log = structlog.get_logger()


class Worker:
    """What hangs on one Celery application: nothing until Celery starts a worker."""

    def __init__(self, settings: WorkerSettings, app: Celery) -> None:
        self.settings = settings
        self._app = app
        self._loaded: LoadedModel | None = None
        self._life: Life | None = None
        self._metrics = WorkerMetrics()
        self.exit_code = 0
        app.steps["consumer"].add(BulkShare)
        signals.setup_logging.connect(self.configure_logs, weak=False)
        signals.celeryd_init.connect(self._configure, weak=False)
        signals.worker_init.connect(self._start, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutting_down.connect(self._drain, weak=False)
        signals.worker_shutdown.connect(self._end, weak=False)
        signals.task_revoked.connect(self._revoked, weak=False)

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
        from worker.model.checkpoint import open_checkpoint  # noqa: PLC0415
        from worker.model.clip_encoder import ClipEncoder  # noqa: PLC0415

        settings = self.settings
        source = Source(settings.model, settings.revision, settings.allow_pickle)
        try:
            checkpoint = open_checkpoint(source)
            with explained(source.name):
                return ClipEncoder(
                    checkpoint, settings.device, settings.dtype, settings.torch_threads
                )
        except UnsuitableModel as error:
            self._end_without_model(error)

    def _end_without_model(self, reason: UnsuitableModel) -> NoReturn:
        print(f"CLIP_MODEL: {reason}", file=sys.stderr)  # noqa: T201
        if not sys.stderr.isatty():
            time.sleep(self.settings.exit_pause_s)
        sys.exit(reason.exit_code)

    def configure_logs(self, **_: object) -> None:
        logs.configure("worker", self.settings.log_level, self.settings.log_format)

    def _configure(self, conf: Any, options: dict[str, Any], **_: object) -> None:  # noqa: ANN401
        """Before Celery makes the worker: `--concurrency` counts, or else what was measured."""
        try:
            check_options(options, self._app)
        except UnsupportedOption as error:
            print(error, file=sys.stderr)  # noqa: T201
            sys.exit(EXIT_USAGE)
        put_nothing_back()
        conf.worker_concurrency = self.load().concurrency

    def _start(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        self._life = Life(
            self.settings, self.load(), self._metrics, self._app, threads=sender.concurrency
        )

    def _ready(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        if self._life:
            self._life.begin(sender.bulk_share.consumed_queues)

    def _drain(self, **_: object) -> None:
        if self._life:
            self._life.drain()

    def _end(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        self.exit_code = sender.exitcode or 0
        if self._life:
            self._life.end()

    def _revoked(self, request: Any, expired: bool, **_: object) -> None:  # noqa: ANN401
        """`control revoke` cancels the job: repair would send the part again and again."""
        job, colon, _part = request.id.rpartition(":")
        if self._life and colon and not expired:
            self._life.cancel(job)

    def run_part(self, job: str, part: int) -> None:
        """Do one part.

        Raises:
            Ignore: there is nothing to do.
        """
        if self._life is None:
            raise RuntimeError("the worker has not started")
        with self._metrics.part_failed.count_exceptions():
            is_done = self._life.run_part(job, part)
        if not is_done:
            raise Ignore("there is nothing to do")


class PartRequest(Request):
    """A request whose events carry the request id, so that Flower finds them."""

    def send_event(self, type: str, **fields: object) -> None:  # noqa: A002
        """Celery's events of the task: started, succeeded, failed, and so on."""
        super().send_event(type, request_id=self.request_dict.get("request_id", ""), **fields)


class PartTask(Task):  # type: ignore[type-arg]
    """The class of `clip.encode_part`."""

    Request = "worker.app:PartRequest"


def node_name() -> str:
    """A name that clashes with no other worker of this host."""
    return f"clip-{secrets.token_hex(3)}@{socket.gethostname()}"


settings = read(WorkerSettings)
app = make_celery(
    settings.redis_url,
    socket_timeout_s=SOCKET_TIMEOUT_S,
    queues=settings.queues,
    task_events=settings.task_events,
)
worker = Worker(settings, app)


@app.task(name=TASK_NAME, base=PartTask)
def encode_part(job: str, part: int) -> None:
    worker.run_part(job, part)
