"""The worker's channels to the broker: they outlive outages, and whatever is written to Redis."""

from collections.abc import Iterable, Mapping
from queue import Empty
from typing import Any, ClassVar

import structlog
from kombu.transport.redis import Channel, QoS, Transport
from redis import Redis
from redis.exceptions import RedisError

from common.protocol import Broken, queues_of
from worker.admission import admit

log = structlog.get_logger()


def key_types(queues: Iterable[str]) -> dict[str, str]:
    """The keys that Kombu uses here. With one of another type it can do nothing."""
    queues = tuple(queues)
    exchanges = (*queues, "celery.pidbox", "reply.celery.pidbox")
    return {
        **dict.fromkeys(queues, "list"),
        "unacked": "hash",
        "unacked_index": "zset",
        "_kombu.binding_deadlines": "zset",
        **{f"_kombu.binding.{name}": "set" for name in exchanges},
        **{f"_kombu.binding_permanent.{name}": "set" for name in exchanges},
    }


MEND = """
local mended = {}
for index, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= ARGV[index] then
    redis.call('UNLINK', key)
    mended[#mended + 1] = key
  end
end
return mended
"""


class LenientQoS(QoS):
    """Kombu's account of unacknowledged messages, made to outlive a lost connection.

    Parts in hand go on while Redis is away. Kombu's own account raises AttributeError when such a
    part is acknowledged on the channel that is no more, or when the messages are to be put back
    into a queue that is not there yet, and either error ends the worker. Here nothing is done on a
    closed channel: what is delivered again the ledger refuses.
    """

    # Put back what is unacknowledged only when the worker ends: see `drain`.
    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self.channel.closed:
            super().reject(delivery_tag, requeue=requeue)

    def restore_visible(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        """Put back what was not acknowledged in time; on each new connection, and now and then."""
        types = self.channel.key_types  # type: ignore[attr-defined]
        with self.channel.conn_or_acquire() as client:  # type: ignore[attr-defined]
            mended = client.eval(MEND, len(types), *types, *types.values())
        if mended:
            log.warning("broker_keys_mended", keys=mended)
        super().restore_visible(*args, **options)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ANN401
        """Put a message back, or drop what is none: it would keep others from being put back."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except (RedisError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - Kombu takes what it finds for its own
            log.warning("message_refused", queue="unacked", reason=repr(error)[:200])
            self._remove_from_indices(tag).execute()  # type: ignore[attr-defined]


class AdmittingRedis(Redis):
    """Takes from a queue only what `worker.admission` admits; the rest is gone, and logged."""

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:  # noqa: ANN401
        answer = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not answer:
            return answer
        queue, raw = answer
        try:
            return queue, admit(raw, queue.decode())
        except Broken as error:
            told = {"reason": str(error), "message": repr(raw[:200])}
            log.warning("message_refused", queue=queue.decode(), **told)
            return None  # as if the queue had been empty


class WorkerChannel(Channel):
    """A channel that nothing written to Redis can close for good."""

    QoS = LenientQoS
    key_types: ClassVar[Mapping[str, str]] = key_types(queues_of(""))

    def _get_client(self) -> type[Redis]:
        return AdmittingRedis

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


def use_channels(queues: Iterable[str]) -> None:
    """Have this process speak to the broker through such channels only.

    The `queues` are all those of the deployment: a worker puts parts back into others' too.
    """
    WorkerChannel.key_types = key_types(queues)
    Transport.Channel = WorkerChannel


def drain() -> None:
    """Give back to the queues what this ending worker has not acknowledged."""
    LenientQoS.restore_at_shutdown = True
