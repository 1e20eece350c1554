"""Lua scripts with named arguments: each transition in Redis is one of them."""

from pathlib import Path
from typing import Any

import orjson
from redis import Redis
from redis.client import Pipeline

FOLDER = Path(__file__).parent / "scripts"


class LuaScript:
    """One script, with what it shares with others before it.

    A call passes its keyword arguments as one JSON object, `args` in Lua, and its positional ones
    as they are, from `ARGV[2]` on. Raises redis.exceptions.RedisError when Redis is away.
    """

    def __init__(self, redis: Redis, *names: str) -> None:
        source = "\n".join((FOLDER / f"{name}.lua").read_text() for name in ("prelude", *names))
        self._script = redis.register_script(source)

    def __call__(self, *blobs: bytes, pipeline: Pipeline | None = None, **arguments: object) -> Any:  # noqa: ANN401
        return self._script(args=[orjson.dumps(arguments), *blobs], client=pipeline)
