"""Celery's remote control, cut down to what shows a worker and changes nothing.

Whoever can write to Redis can send commands: without this they could end a worker, take its
threads or its queue away, or stop it with a regular expression that takes for ever.
"""

from celery.worker.control import Panel
from kombu import matcher

KEPT = {
    *("ping", "stats", "report", "conf", "clock"),
    *("active", "reserved", "scheduled", "revoked", "query_task"),
    *("registered", "active_queues"),
    *("enable_events", "disable_events", "heartbeat"),  # Flower asks for them
}


def allow_inspection_only() -> None:
    for name in set(Panel.data) - KEPT:
        del Panel.data[name]
    matcher.unregister("pcre")
