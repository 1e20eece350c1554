"""Celery on Redis: its whole configuration, each value measured or explained."""

from collections.abc import Sequence
from typing import Any

from celery import Celery
from kombu import Queue

from common.protocol import queues_of


def make_celery(
    redis_url: str, *, socket_timeout_s: float, queues: Sequence[str] = queues_of("")
) -> Celery:
    """The workers' Celery application; connects to nothing yet.

    Celery starts and ends a worker, owns its threads, and lets people look into it. Parts reach
    those threads past it: see worker.takers. Blocking reads need a `socket_timeout_s` of more than
    a few seconds. The `queues` are those that a worker takes parts from.
    """
    broker = redis_url.replace("unix://", "redis+socket://", 1)  # kombu's name for it
    app = Celery("clip", broker=broker, set_as_current=False)
    app.conf.update(_configuration(socket_timeout_s, queues))
    if broker.startswith("rediss://"):
        # Where the URL has no options of TLS, Kombu would take any certificate.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": "required"}
    return app


def _configuration(socket_timeout_s: float, queues: Sequence[str]) -> dict[str, Any]:
    return {
        "task_queues": [Queue(name) for name in queues],
        "task_default_queue": queues[0],
        "accept_content": ["json"],
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "broker_connection_timeout": min(5.0, socket_timeout_s),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,  # see worker.broker_keys
        "broker_transport_options": {
            "ack_emulation": False,  # the ledger tells what is in hand
            "socket_timeout": socket_timeout_s,
            "socket_connect_timeout": min(5.0, socket_timeout_s),
            "socket_keepalive": True,
            "health_check_interval": 25,
            "priority_steps": [0],  # one list a queue
        },
    }
