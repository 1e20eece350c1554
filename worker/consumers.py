"""How parts reach a worker: bulk work never takes the threads that interactive work needs."""

from typing import Any, ClassVar

from celery import bootsteps
from kombu.common import ignore_errors

from common.protocol import BULK


def bulk_consumer(queue: str) -> type["BulkConsumer"]:
    """The step for one bulk queue; Celery makes steps of classes."""
    return type("BulkConsumer", (BulkConsumer,), {"queue": queue})


def bulk_share(concurrency: int) -> int:
    """How many of a worker's threads bulk work may take."""
    return max(1, concurrency // 2)


class BulkConsumer(bootsteps.StartStopStep):
    """Consumes the bulk queue beside Celery's own consumer, which takes the interactive one.

    A channel has one limit on what it hands out, whatever queue it comes from. Were both queues
    consumed on one, a backlog of bulk parts would fill every thread, and an interactive part would
    wait until one of them is through. So the bulk queue gets a channel of its own, with half of the
    threads as its limit.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    queue: ClassVar[str] = BULK

    def __init__(self, consumer: Any, **options: Any) -> None:  # noqa: ANN401
        self._bulk: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:  # noqa: ANN401
        queues = consumer.app.amqp.queues
        if self.queue in queues.consume_from:
            return  # `celery worker -Q interactive,bulk`: Celery consumes it already
        self._bulk = consumer.app.amqp.TaskConsumer(
            consumer.connection.channel(),
            queues=[queues[self.queue]],
            on_decode_error=consumer.on_decode_error,
        )
        self._bulk.on_message = consumer.create_task_handler()
        self._bulk.qos(prefetch_count=bulk_share(consumer.pool.num_processes))
        self._bulk.consume()

    def stop(self, consumer: Any) -> None:  # noqa: ANN401
        if self._bulk:
            ignore_errors(consumer, self._bulk.cancel)

    def shutdown(self, consumer: Any) -> None:  # noqa: ANN401
        if self._bulk:
            self.stop(consumer)
            ignore_errors(consumer, self._bulk.close)
            self._bulk = None
