"""Where a worker's own way to take parts meets Celery's steps."""

from collections.abc import Callable
from typing import Any, ClassVar

from celery import bootsteps
from kombu import Consumer


class Onlooker(Consumer):
    """Declares the queues, so that `inspect active_queues` tells them; see worker.takers."""

    def consume(self, no_ack: bool | None = None) -> None:
        """Leave all messages where they are."""


def only_look_on(app: Any) -> None:  # noqa: ANN401
    """Have the worker of a Celery application take nothing from its queues itself."""
    app.amqp.Consumer = Onlooker


class LastWords(bootsteps.StartStopStep):
    """Calls `say` before the pool stops, which waits for its threads; however a worker ends."""

    requires = ("celery.worker.components:Pool",)
    say: ClassVar[Callable[[], None]]

    def stop(self, _worker: Any) -> None:  # noqa: ANN401
        type(self).say()


def before_pool_stops(say: Callable[[], None]) -> type[LastWords]:
    """The step for one worker; Celery makes steps of classes."""
    return type("LastWords", (LastWords,), {"say": staticmethod(say)})
