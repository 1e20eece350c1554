"""Celery on Redis: its configuration, and how parts are sent to the workers."""

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

from common.ledger.records import PartMessage
from common.protocol.messages import TASK_NAME, queues_of
from common.redis.connection import KEEPALIVE_OPTIONS
from common.redis.keys import KEYS, Keys

log = structlog.get_logger()

HEALTH_CHECK_S = 3
"""Kombu reconnects a consumer whose connection is silent for one to two times this long."""


def make_celery(
    redis_url: str,
    *,
    keys: Keys = KEYS,
    socket_timeout_s: float,
    queues: Sequence[str] = queues_of(""),
    task_events: bool = False,
) -> Celery:
    """The Celery application of an API or worker process; does not connect yet.

    A worker consumes from `queues`. With `task_events`, the API sends `task-sent` and workers send
    the other task events, for Flower.
    """
    broker = redis_url.replace("unix://", "redis+socket://", 1)  # Kombu's name for the scheme
    app = Celery("clip", broker=broker, set_as_current=False)
    app.conf.update(_configuration(socket_timeout_s, queues, task_events=task_events))
    app.conf.broker_transport_options["global_keyprefix"] = keys.prefix
    if broker.startswith("rediss://"):
        # Without TLS options in the URL, Kombu would accept any certificate.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": "required"}
    return app


def _configuration(
    socket_timeout_s: float, queues: Sequence[str], *, task_events: bool
) -> dict[str, Any]:
    return {
        "task_queues": [_queue(name) for name in queues],
        "task_default_queue": queues[0],
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,  # results are in the ledger
        "task_acks_late": True,
        "task_track_started": True,
        "task_send_sent_event": task_events,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1},
        "worker_send_task_events": task_events,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_timeout": min(5.0, socket_timeout_s),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Redis refuses writes while it is full, and after a failover to another server.
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            # The ledger tracks which parts are running, and resends lost ones within seconds.
            # Kombu's bookkeeping would cost two round trips per part, and memory on a full Redis.
            "ack_emulation": False,
            "socket_timeout": socket_timeout_s,
            "socket_connect_timeout": min(5.0, socket_timeout_s),
            "socket_keepalive": True,
            "socket_keepalive_options": KEEPALIVE_OPTIONS,
            "health_check_interval": HEALTH_CHECK_S,
            "queue_order_strategy": "round_robin",
            "priority_steps": [0],  # one list per queue, so that LLEN is the queue's length
        },
    }


def _queue(name: str) -> Queue:
    """A queue, which is a Redis list of that name. Declaring it would need memory in Redis."""
    return Queue(name, Exchange(name), routing_key=name, no_declare=True)


def disable_restore() -> None:
    """Stop Kombu from requeueing the messages of running parts when a connection is lost.

    Each of those parts would run twice.
    """
    Channel.do_restore = False


def send_parts(app: Celery, parts: Iterable[PartMessage]) -> None:
    """Send the task messages of parts in the ledger. Repair resends those that cannot be sent."""
    try:
        with app.producer_or_acquire() as producer:
            for part in parts:
                app.send_task(
                    TASK_NAME,
                    (part.job, part.part),
                    task_id=part.task_id,
                    queue=part.queue,
                    headers={"request_id": part.request_id},
                    kwargsrepr=f"{{'request_id': {part.request_id!r}}}",  # shown by Flower
                    ignore_result=True,
                    producer=producer,
                )
    except (OperationalError, RedisError) as error:
        log.warning("parts_not_sent", error=str(error))
