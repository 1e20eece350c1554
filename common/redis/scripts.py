"""Lua scripts with named arguments."""

from pathlib import Path
from typing import Any

import orjson
from redis import Redis
from redis.client import Pipeline

from common.redis.keys import KEYS, Keys

COMMON = Path(__file__).parent.parent


class LuaScript:
    """A script, `room/name`, preceded by the scripts that it builds on.

    Keyword arguments are passed as one JSON object, `args` in Lua; positional arguments are passed
    unchanged, from `ARGV[2]` on. `PREFIX` begins all names of keys. Raises
    redis.exceptions.RedisError if Redis does not answer.
    """

    def __init__(self, redis: Redis, *names: str, keys: Keys = KEYS) -> None:
        sources = (_source(name) for name in ("redis/prelude", *names))
        source = "\n".join((f"local PREFIX = '{keys.prefix}'", *sources))
        self._script = redis.register_script(source)

    def __call__(self, *blobs: bytes, pipeline: Pipeline | None = None, **arguments: object) -> Any:  # noqa: ANN401
        return self._script(args=[orjson.dumps(arguments), *blobs], client=pipeline)


def _source(name: str) -> str:
    room, _, script = name.partition("/")
    return (COMMON / room / "lua" / f"{script}.lua").read_text()
