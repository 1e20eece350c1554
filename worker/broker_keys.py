"""The broker's keys in Redis: with one of another type neither Kombu nor a worker gets on."""

from collections.abc import Iterable

import structlog
from redis import Redis

log = structlog.get_logger()

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


class BrokerKeys:
    """The queues of all workers of a deployment, and what Kombu keeps beside them."""

    def __init__(self, redis: Redis, queues: Iterable[str]) -> None:
        self._mend = redis.register_script(MEND)
        queues = tuple(queues)
        exchanges = (*queues, "celery.pidbox", "reply.celery.pidbox")
        self._types = {
            **dict.fromkeys(queues, "list"),
            "_kombu.binding_deadlines": "zset",
            **{f"_kombu.binding.{name}": "set" for name in exchanges},
            **{f"_kombu.binding_permanent.{name}": "set" for name in exchanges},
        }

    def mend(self) -> None:
        """Remove those that are of another type. Raises RedisError when Redis is away."""
        mended = self._mend(keys=list(self._types), args=list(self._types.values()))
        if mended:
            log.warning("broker_keys_mended", keys=mended)
