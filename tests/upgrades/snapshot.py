"""What a Redis holds of the service, as JSON that can be kept in a file and put back."""

import base64
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from redis import Redis

Snapshot: TypeAlias = dict[str, dict[str, Any]]
"""By key: its `type`, its `value`, and the seconds that it is kept (`ttl`), if not for ever."""

BYTES = "base64:"
AS_OLD_AS_A_TIME_S = 864_000.0
OURS = ("clip:", "interactive", "bulk")


def take(redis: Redis) -> Snapshot:
    """All keys of the service, and none of Kombu's own."""
    keys = [key.decode() for key in cast("list[bytes]", redis.keys())]
    lasting = sorted(set(keys) - {"clip:repair-lock"})
    return {key: _take_one(redis, key) for key in lasting if key.startswith(OURS)}


def put_back(redis: Redis, snapshot: Snapshot, recorded_at: float, now: float) -> None:
    """Add what was recorded to what is there, with every point in time moved to now."""

    def at_now(text: bytes) -> bytes:
        try:
            moment = float(text)
        except ValueError:
            return text
        if abs(moment - recorded_at) > AS_OLD_AS_A_TIME_S:
            return text
        return f"{moment - recorded_at + now:.6f}".encode()

    with redis.pipeline(transaction=True) as pipeline:
        for key, entry in snapshot.items():
            _put_back_one(pipeline, key, entry, lambda text: at_now(from_text(text)))
        pipeline.execute()


def to_text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    return text if text.isprintable() else BYTES + base64.b64encode(raw).decode()


def from_text(text: str) -> bytes:
    if text.startswith(BYTES):
        return base64.b64decode(text.removeprefix(BYTES))
    return text.encode()


def _take_one(redis: Redis, key: str) -> dict[str, Any]:
    kind = cast("bytes", redis.type(key)).decode()
    value: Any
    match kind:
        case "hash":
            found = cast("dict[bytes, bytes]", redis.hgetall(key))
            value = {to_text(name): to_text(raw) for name, raw in sorted(found.items())}
        case "zset":
            scored = cast("list[tuple[bytes, float]]", redis.zrange(key, 0, -1, withscores=True))
            value = {to_text(member): f"{score:.6f}" for member, score in scored}
        case "list":
            value = [to_text(raw) for raw in cast("list[bytes]", redis.lrange(key, 0, -1))]
        case _:
            value = to_text(cast("bytes", redis.get(key)))
    ttl = redis.ttl(key)
    return {"type": kind, "value": value} | ({"ttl": ttl} if ttl >= 0 else {})


def _put_back_one(
    pipeline: Any, key: str, entry: dict[str, Any], load: Callable[[str], bytes]
) -> None:
    value = entry["value"]
    match entry["type"]:
        case "hash":
            pipeline.hset(key, mapping={from_text(k): load(v) for k, v in value.items()})
        case "zset":
            pipeline.zadd(key, {from_text(k): float(load(v)) for k, v in value.items()})
        case "list":
            pipeline.rpush(key, *(from_text(each) for each in value))
        case _ if value.isdecimal():  # a counter
            pipeline.incrby(key, int(value))
        case _:
            pipeline.set(key, load(value))
    if "ttl" in entry:
        pipeline.expire(key, max(60, entry["ttl"]))
