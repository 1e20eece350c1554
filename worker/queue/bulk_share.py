"""The queues that a worker consumes from, and the share of bulk work.

Bulk work gets at most half of a worker's threads, so that interactive parts find a free one.

A worker that consumes from bulk queues only, or has a single thread, keeps no thread free.
"""

import time
from typing import Any

from celery import bootsteps, signals
from celery.worker import state
from celery.worker.control import control_command

from common.protocol.messages import Priority

CHECK_EVERY_S = 0.01
"""While bulk queues are paused: how often their share is checked, and how long a BRPOP blocks,
because a BRPOP that was sent without a queue does not return when that queue gets a message."""
TICK_S = 1.0
AWAY_AFTER_S = 5.0
"""A consumer without a tick for this long counts as disconnected; most reconnect sooner."""


class BulkShare(bootsteps.StartStopStep):
    """A bootstep of Celery's consumer that pauses bulk queues while bulk parts have their share.

    The running parts are those that Celery counts as reserved. All of it runs in the consumer's
    thread.
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
        """Called on each new connection, which has a new channel and new timers."""
        self._is_started = True
        self._note_tick()
        if self._tick:
            self._tick.cancel()
        self._tick = self._consumer.timer.call_repeatedly(TICK_S, self._note_tick)
        if self._paused:
            self._watch()

    def stop(self, _consumer: Any) -> None:  # noqa: ANN401
        """From now on no queue is resumed, whatever parts end."""
        self._is_started = False

    def consumed_queues(self) -> tuple[str, ...]:
        """The queues that the worker consumes from, including paused ones.

        Empty after a few seconds in which the consumer had no connection or its thread hung. May be
        called from any thread.
        """
        if time.monotonic() - self._ticked_at > AWAY_AFTER_S:
            return ()
        return (*self._consumer.app.amqp.queues.consume_from, *self._paused)

    def _note_tick(self) -> None:
        self._ticked_at = time.monotonic()

    def cancel(self, queue: str) -> None:
        """Stop consuming from a queue, whether it is paused or not."""
        self._paused = [name for name in self._paused if name != queue]
        self._consumer.cancel_task_queue(queue)

    @property
    def _share(self) -> int:
        threads: int = self._consumer.pool.num_processes
        return max(1, threads // 2)

    def _on_received(self, **_: object) -> None:
        # Not now: the task is reserved after this signal, and before the next message is read.
        self._consumer.call_soon(self._adjust)

    def _adjust(self) -> None:
        if not self._is_started:
            return
        running = bulk_parts()
        if running >= self._share:
            self._pause()
        elif self._timer and running <= self._share * 3 // 4:  # hysteresis
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
    """The number of bulk parts that have a thread of this worker, or wait for one."""
    reserved = tuple(state.reserved_requests)
    return sum(is_bulk(request.delivery_info["routing_key"]) for request in reserved)


def is_bulk(queue: str) -> bool:
    """Whether a queue is a bulk queue, of any model."""
    return queue.partition(":")[0] == Priority.BULK


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(panel: Any, queue: str, **_: object) -> dict[str, str]:  # noqa: ANN401
    """Like Celery's own command, which does not know paused queues."""
    panel.consumer.call_soon(panel.consumer.bulk_share.cancel, queue)
    return {"ok": f"no longer consuming from {queue}"}
