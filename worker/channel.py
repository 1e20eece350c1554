"""The worker's channel to remote control: it outlives whatever is broadcast."""

from queue import Empty
from typing import Any

import structlog
from kombu.transport.redis import Channel, Transport
from redis.exceptions import RedisError

log = structlog.get_logger()


class WorkerChannel(Channel):
    """A channel that nothing broadcast through Redis can close for good."""

    def _receive_one(self, client: Any) -> Any:  # noqa: ANN401
        """Take one broadcast; one that makes Kombu or Celery stumble is dropped."""
        try:
            return super()._receive_one(client)  # type: ignore[misc]
        except (Empty, RedisError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - Kombu takes what it hears for its own
            log.warning("broadcast_refused", reason=repr(error)[:200])
            return None

    def _deliver_fanout_message(self, message: Any, exchange: str) -> Any:  # noqa: ANN401
        # Kombu unpacks before it looks at the content type, whatever the size.
        message["headers"].pop("compression", None)
        return super()._deliver_fanout_message(message, exchange)  # type: ignore[misc]


def use_channels() -> None:
    """Have this process speak to the broker through such channels only."""
    Transport.Channel = WorkerChannel
