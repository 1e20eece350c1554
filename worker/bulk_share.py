"""Bulk work takes at most half of a worker's threads, so that interactive parts find one.

A worker that consumes from bulk queues alone, and one of a single thread, has nothing to keep free.
"""

import threading
from typing import Any
from weakref import WeakValueDictionary

from celery import bootsteps, signals
from celery.worker.control import control_command

from common.protocol import Priority

POLL_WHILE_PAUSED_S = 0.05
"""A paused queue is consumed again once the BRPOP in flight, which does not have it, returns."""


class BulkShare(bootsteps.StartStopStep):
    """A step of Celery's consumer: stops consuming bulk queues while bulk parts have their share.

    Everything happens in the consumer's own thread, but for noting that a part has ended.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(consumer, **options)
        self._consumer = consumer
        consumer.bulk_share = self
        # Requests that Celery drops, after a lost connection say, leave by themselves.
        self._running: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._paused: list[str] = []
        self._is_started = False
        signals.task_received.connect(self._on_received, weak=False)
        signals.task_postrun.connect(self._on_ended, weak=False)

    def start(self, _consumer: Any) -> None:  # noqa: ANN401
        """On each new connection: parts that were dropped with the last one will never end."""
        self._is_started = True
        self._consume_again()

    def stop(self, _consumer: Any) -> None:  # noqa: ANN401
        """A worker that ends consumes nothing again, whatever parts end meanwhile."""
        self._is_started = False

    def cancel(self, queue: str) -> None:
        """Consume no more from a queue, be it paused or not."""
        self._paused = [name for name in self._paused if name != queue]
        self._consumer.cancel_task_queue(queue)

    @property
    def _share(self) -> int:
        threads: int = self._consumer.pool.num_processes
        return max(1, threads // 2)

    def _count(self) -> int:
        with self._lock:
            return len(self._running)

    def _on_received(self, request: Any, **_: object) -> None:  # noqa: ANN401
        if not is_bulk(request.delivery_info["routing_key"]):
            return
        with self._lock:
            self._running[request.id] = request
        if self._count() >= self._share:
            self._pause()

    def _on_ended(self, task_id: str, **_: object) -> None:
        with self._lock:
            was_bulk = self._running.pop(task_id, None) is not None
        if was_bulk:
            self._consumer.call_soon(self._resume)

    def _pause(self) -> None:
        consumed = list(self._consumer.app.amqp.queues.consume_from)
        queues = [name for name in consumed if is_bulk(name)]
        if queues == consumed:
            return  # a worker for bulk work alone
        for name in queues:
            self._consumer.cancel_task_queue(name)
        self._paused += queues
        self._poll_for(POLL_WHILE_PAUSED_S)

    def _resume(self) -> None:
        # Not for every part that ends: consuming again takes several commands to Redis.
        if self._is_started and self._count() <= self._share * 3 // 4:
            self._consume_again()

    def _consume_again(self) -> None:
        paused, self._paused = self._paused, []
        for name in paused:
            self._consumer.add_task_queue(name)
        self._poll_for(self._consumer.connection.transport.brpop_timeout)

    def _poll_for(self, seconds: float) -> None:
        self._consumer.task_consumer.channel.brpop_timeout = seconds


def is_bulk(queue: str) -> bool:
    """Whether a queue is one of bulk work, of any model."""
    return queue.partition(":")[0] == Priority.BULK


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(state: Any, queue: str, **_: object) -> dict[str, str]:  # noqa: ANN401
    """As Celery's own, which a queue that is paused would forget."""
    state.consumer.call_soon(state.consumer.bulk_share.cancel, queue)
    return {"ok": f"no longer consuming from {queue}"}
