"""The Celery entry point: `celery -A worker.app …` finds the application here."""

import secrets
import socket

from celery import Task
from celery.exceptions import Ignore
from celery.worker.request import Request

from common.protocol.celery_app import make_celery
from common.protocol.messages import TASK_NAME
from common.settings import read
from worker.process import WorkerProcess
from worker.queue.signals import CelerySignals
from worker.settings import WorkerSettings

SOCKET_TIMEOUT_S = 3.0


class PartRequest(Request):
    """A request that adds the request id to its events, so that Flower can search for it."""

    def send_event(self, type: str, **fields: object) -> None:  # noqa: A002
        """Send a task event: started, succeeded, failed and so on."""
        super().send_event(type, request_id=self.request_dict.get("request_id", ""), **fields)


class PartTask(Task):  # type: ignore[type-arg]
    """The base class of `clip.encode_part`."""

    Request = "worker.app:PartRequest"


def node_name() -> str:
    """A unique node name."""
    return f"clip-{secrets.token_hex(3)}@{socket.gethostname()}"


settings = read(WorkerSettings)
app = make_celery(
    settings.redis_url,
    keys=settings.keys,
    socket_timeout_s=SOCKET_TIMEOUT_S,
    queues=settings.queues,
    task_events=settings.task_events,
)
process = WorkerProcess(settings, app)
CelerySignals(app, process).connect()


@app.task(name=TASK_NAME, base=PartTask)
def encode_part(job: str, part: int) -> None:
    """Run one part. Raises Ignore if there is nothing to do."""
    with process.metrics.part_failed.count_exceptions():
        is_done = process.run_part(job, part)
    if not is_done:
        raise Ignore("there is nothing to do")
