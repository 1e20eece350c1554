"""Celery on Redis: its whole configuration, each value measured or explained."""

from collections.abc import Sequence
from typing import Any

from celery import Celery
from kombu import Queue

from common.jobs import Ledger
from common.protocol import TASK_NAME, queues_of, split_queue
from common.records import LostPart


def make_celery(
    redis_url: str, *, socket_timeout_s: float, queues: Sequence[str] = queues_of("")
) -> Celery:
    """The Celery application of either process; connects to nothing yet.

    A short `socket_timeout_s` suits a request thread, which must tell of an outage at once; a
    worker's blocking reads need more than a few seconds. The `queues` are those that a worker takes
    parts from; parts are sent to any.
    """
    broker = redis_url.replace("unix://", "redis+socket://", 1)  # kombu's name for it
    app = Celery("clip", broker=broker, set_as_current=False)
    app.conf.update(_configuration(socket_timeout_s, queues))
    return app


def _configuration(socket_timeout_s: float, queues: Sequence[str]) -> dict[str, Any]:
    return {
        "task_queues": [Queue(name) for name in queues],
        "task_default_queue": queues[0],
        "task_routes": {TASK_NAME: {"queue": queues[0]}},
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "task_ignore_result": True,  # results live in the ledger
        "task_store_errors_even_if_ignored": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "broker_connection_timeout": min(5.0, socket_timeout_s),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,  # see worker.channel.KEY_TYPES
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_pool_limit": 16,
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0.05,
            "interval_step": 0,
            "interval_max": 0.05,
        },
        "broker_transport_options": {
            "ack_emulation": False,  # the ledger tells what is in hand: see worker.channel
            "unacked_restore_interval": 5,  # of LenientQoS.restore_visible
            "socket_timeout": socket_timeout_s,
            "socket_connect_timeout": min(5.0, socket_timeout_s),
            "socket_keepalive": True,
            "health_check_interval": 25,
            "queue_order_strategy": "round_robin",
            "priority_steps": [0],  # one list a queue
        },
    }


class Sender:
    """Sends parts to the workers, by name: the sender never imports the worker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, job: str, part: int, queue: str, request_id: str) -> None:
        """Send one part.

        Raises:
            kombu.exceptions.OperationalError: Redis is away.
            Broken: there is no such queue.
        """
        split_queue(queue)
        self._app.send_task(
            TASK_NAME,
            args=[job, part],
            kwargs={"request_id": request_id},
            queue=queue,
            ignore_result=True,
        )

    def resend(self, lost: LostPart) -> None:
        self.send(lost.job, lost.part, lost.queue, lost.request_id)


def repair(ledger: Ledger, sender: Sender) -> int:
    """Send again whatever nobody works on. Returns how many parts that were."""
    lost = ledger.repair()
    for part in lost:
        sender.resend(part)
    return len(lost)
