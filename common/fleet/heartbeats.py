"""Workers' heartbeats: which workers are alive, and which models they serve."""

import os
import secrets
import socket
from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

import orjson
import structlog
from pydantic import Field, TypeAdapter
from redis import Redis

from common.ledger.records import EpochTime
from common.protocol.messages import Count, ModelInfo, ModelTraits, queues_of
from common.protocol.records import CorruptRecord, load_json
from common.redis.keys import KEYS, Keys
from common.redis.scripts import LuaScript

log = structlog.get_logger()


Total: TypeAlias = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A worker's GPU; `utilization_percent` is None where it cannot be read.

    Memory and utilization are those of all processes on it.
    """

    name: str
    memory_bytes: Total
    used_bytes: Total
    utilization_percent: Total | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker reports of itself; `since` is the epoch time at which it became ready.

    `space` is the name of its space in the embedding cache (common/cache/embeddings.py). `parts`
    are the ids (`job:part`) of the parts that it runs; repair resends the others that it began.
    `queues` are those that it consumes from now, and `configured_batch_size` is the batch size
    while memory is not short. `node` is Celery's name of it, `encoded_images` and `encoded_texts`
    count what its model encoded. All of these are None if the worker is of an earlier release.
    `gpu` is also None if the model runs on something else.
    """

    name: str
    model: ModelInfo
    device: str
    dtype: str
    batch_size: Count
    in_flight: Count
    since: EpochTime
    model_queue: str = ""
    traits: ModelTraits | None = None
    space: str = ""
    parts: tuple[str, ...] = ()
    queues: tuple[str, ...] | None = None
    configured_batch_size: Count | None = None
    node: str | None = None
    encoded_images: Total | None = None
    encoded_texts: Total | None = None
    gpu: Gpu | None = None

    @property
    def consumed_queues(self) -> tuple[str, ...]:
        """The queues that it consumes from, as far as is known."""
        return queues_of(self.model_queue) if self.queues is None else self.queues


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A live worker, and the seconds since its last heartbeat."""

    heartbeat: Heartbeat
    silent_s: float


HEARTBEAT = TypeAdapter(Heartbeat)


def new_name() -> str:
    """A worker's name: its host name, and a suffix that is unique on that host."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def host_of(name: str) -> str:
    """The host in a worker's name."""
    return name.rsplit("-", 2)[0]


class Heartbeats:
    """The live workers in one Redis; heartbeats older than `ttl_s` are ignored."""

    def __init__(self, redis: Redis, ttl_s: float, keys: Keys = KEYS) -> None:
        self._redis = redis
        self._keys = keys
        self._ttl_s = ttl_s
        self._beat = LuaScript(redis, "fleet/beat", keys=keys)
        self._alive = LuaScript(redis, "fleet/alive", keys=keys)

    def beat(self, heartbeat: Heartbeat) -> None:
        self._beat(orjson.dumps(heartbeat), name=heartbeat.name, ttl_s=self._ttl_s)

    def leave(self, name: str) -> None:
        """Remove a worker at once, before its heartbeat expires."""
        self._redis.delete(self._keys("worker", name))
        self._redis.zrem(self._keys("workers"), name)

    def alive(self) -> list[Heartbeat]:
        return [worker.heartbeat for worker in self.live_workers()]

    def live_workers(self) -> list[LiveWorker]:
        rows = cast("list[tuple[bytes, bytes]]", self._alive(ttl_s=self._ttl_s))
        read = [(_load(raw), float(silent_s)) for raw, silent_s in rows]
        return [LiveWorker(beat, silent_s) for beat, silent_s in read if beat is not None]


def _load(raw: bytes | str) -> Heartbeat | None:
    try:
        return load_json(HEARTBEAT, raw)
    except CorruptRecord as error:
        log.warning("corrupt_record", reason=str(error))
        return None
