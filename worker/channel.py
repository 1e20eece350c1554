"""The worker's channels to the broker: they outlive outages, and whatever is written to Redis."""

from collections.abc import Iterable, Mapping
from queue import Empty
from typing import Any, ClassVar

import structlog
from kombu.transport import virtual
from kombu.transport.redis import Channel, Transport
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


class LenientQoS(virtual.QoS):
    """Which messages are in hand, in this process's memory alone.

    The ledger knows which parts are in hand, and sends again what a dead worker had. Kombu's own
    account in Redis would tell it a second time, for two round trips a message; a part that ends
    after its connection was lost makes it raise, and what comes back after an outage is
    delivered twice.
    """

    # Put back what is in hand only when the worker ends: see `drain`.
    restore_at_shutdown = False

    def restore_visible(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Mend the broker's keys: Kombu calls this on each new connection, and now and then."""
        types = self.channel.key_types  # type: ignore[attr-defined]
        with self.channel.conn_or_acquire() as client:  # type: ignore[attr-defined]
            mended = client.eval(MEND, len(types), *types, *types.values())
        if mended:
            log.warning("broker_keys_mended", keys=mended)


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

    key_types: ClassVar[Mapping[str, str]] = key_types(queues_of(""))

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        # The constructor sets it, to the one of a transport without acknowledgements.
        self.QoS = LenientQoS  # type: ignore[assignment]

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
