"""What a worker consumes from, and how much of bulk work.

Bulk work takes at most half of a worker's threads, so that interactive parts find one.

A worker that consumes from bulk queues alone, and one of a single thread, has nothing to keep free.
"""

import time
from typing import Any

from celery import bootsteps, signals
from celery.worker import state
from celery.worker.control import control_command

from common.protocol.messages import Priority

CHECK_EVERY_S = 0.01
"""While bulk queues are paused: how often their share is looked at, and how long a BRPOP blocks,
because one that was sent without a queue does not return when that has a message."""
TICK_S = 1.0
AWAY_AFTER_S = 5.0
"""Without a tick, until a consumer counts as away; most connections are made anew before that."""


class BulkShare(bootsteps.StartStopStep):
    """A step of Celery's consumer: stops consuming bulk queues while bulk parts have their share.

    What runs is what Celery itself counts as reserved. All happens in the consumer's thread.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(consumer, **options)
        self._consumer = consumer
        consumer.bulk_share = self
        self._paused: list[str] = []
        self._timer: Any = None
        self._tick: Any = None
        self._ticked_at = 0.0
        self._is_started = False
        signals.task_received.connect(self._on_received, weak=False)

    def start(self, _consumer: Any) -> None:  # noqa: ANN401
        """On each new connection, whose channel and timers are new too."""
        self._is_started = True
        self._note_tick()
        if self._tick:
            self._tick.cancel()
        self._tick = self._consumer.timer.call_repeatedly(TICK_S, self._note_tick)
        if self._paused:
            self._watch()

    def stop(self, _consumer: Any) -> None:  # noqa: ANN401
        """A worker that ends consumes nothing again, whatever parts end meanwhile."""
        self._is_started = False

    def consumed_queues(self) -> tuple[str, ...]:
        """The queues that parts are taken from now, or soon where bulk work has its share.

        Empty once the consumer has had no connection, or its thread has hung, for a few seconds.
        May be called from any thread.
        """
        if time.monotonic() - self._ticked_at > AWAY_AFTER_S:
            return ()
        return (*self._consumer.app.amqp.queues.consume_from, *self._paused)

    def _note_tick(self) -> None:
        self._ticked_at = time.monotonic()

    def cancel(self, queue: str) -> None:
        """Consume no more from a queue, be it paused or not."""
        self._paused = [name for name in self._paused if name != queue]
        self._consumer.cancel_task_queue(queue)

    @property
    def _share(self) -> int:
        threads: int = self._consumer.pool.num_processes
        return max(1, threads // 2)

    def _on_received(self, **_: object) -> None:
        # Soon: it is reserved after this signal, and before the next message is read.
        self._consumer.call_soon(self._adjust)

    def _adjust(self) -> None:
        if not self._is_started:
            return
        running = bulk_parts()
        if running >= self._share:
            self._pause()
        elif self._timer and running <= self._share * 3 // 4:  # not one by one
            self._consume_again()

    def _pause(self) -> None:
        consumed = list(self._consumer.app.amqp.queues.consume_from)
        queues = [name for name in consumed if is_bulk(name)]
        if not queues or (queues == consumed and not self._paused):
            return
        for name in queues:
            self._consumer.cancel_task_queue(name)
        self._paused += queues
        self._watch()

    def _watch(self) -> None:
        self._block_for(CHECK_EVERY_S)
        if self._timer:
            self._timer.cancel()
        self._timer = self._consumer.timer.call_repeatedly(CHECK_EVERY_S, self._adjust)

    def _consume_again(self) -> None:
        self._timer.cancel()
        self._timer = None
        paused, self._paused = self._paused, []
        for name in paused:
            self._consumer.add_task_queue(name)
        self._block_for(self._consumer.connection.transport.brpop_timeout)

    def _block_for(self, seconds: float) -> None:
        self._consumer.task_consumer.channel.brpop_timeout = seconds


def bulk_parts() -> int:
    """How many bulk parts have a thread of this worker, or wait for one."""
    reserved = tuple(state.reserved_requests)
    return sum(is_bulk(request.delivery_info["routing_key"]) for request in reserved)


def is_bulk(queue: str) -> bool:
    """Whether a queue is one of bulk work, of any model."""
    return queue.partition(":")[0] == Priority.BULK


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(panel: Any, queue: str, **_: object) -> dict[str, str]:  # noqa: ANN401
    """As Celery's own, which a queue that is paused would forget."""
    panel.consumer.call_soon(panel.consumer.bulk_share.cancel, queue)
    return {"ok": f"no longer consuming from {queue}"}
