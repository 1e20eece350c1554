"""Celery's signals, connected to the worker process."""

import sys
from typing import Any

from celery import Celery, signals

from common.protocol.celery_app import disable_restore
from worker.process import WorkerProcess
from worker.queue.bulk_share import BulkShare
from worker.queue.celery_options import UnsupportedOption, check_options

EXIT_USAGE = 64  # EX_USAGE of sysexits.h


class CelerySignals:
    """Starts, drains and stops a worker process as Celery starts, drains and stops its worker."""

    def __init__(self, app: Celery, process: WorkerProcess) -> None:
        self._app = app
        self._process = process

    def connect(self) -> None:
        """Connect the signals; nothing happens until Celery starts a worker."""
        self._app.steps["consumer"].add(BulkShare)
        signals.setup_logging.connect(self._setup_logging, weak=False)
        signals.celeryd_init.connect(self._configure, weak=False)
        signals.worker_init.connect(self._start, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutting_down.connect(self._drain, weak=False)
        signals.worker_shutdown.connect(self._stop, weak=False)
        signals.task_revoked.connect(self._revoked, weak=False)

    def _setup_logging(self, **_: object) -> None:
        self._process.configure_logs()

    def _configure(self, conf: Any, options: dict[str, Any], **_: object) -> None:  # noqa: ANN401
        """Called before Celery makes the worker; `--concurrency` overrides the measured value."""
        try:
            check_options(options, self._app)
        except UnsupportedOption as error:
            print(error, file=sys.stderr)  # noqa: T201
            sys.exit(EXIT_USAGE)
        disable_restore()
        conf.worker_concurrency = self._process.load().concurrency

    def _start(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        self._process.start(threads=sender.concurrency)

    def _ready(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        self._process.ready(sender.hostname, sender.bulk_share.consumed_queues)

    def _drain(self, **_: object) -> None:
        if self._process.is_started:
            self._process.drain()

    def _stop(self, sender: Any, **_: object) -> None:  # noqa: ANN401
        self._process.exit_code = sender.exitcode or 0
        if self._process.is_started:
            self._process.stop()

    def _revoked(self, request: Any, expired: bool, **_: object) -> None:  # noqa: ANN401
        """`control revoke` cancels the job, because repair would resend its part."""
        job, colon, _part = request.id.rpartition(":")
        if colon and not expired:
            self._process.cancel(job)
