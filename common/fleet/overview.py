"""The state of the whole deployment, read from Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from common.fleet.heartbeats import Heartbeats, LiveWorker
from common.protocol.messages import model_queue_of, queues_of
from common.redis.keys import KEYS, Keys

COUNTS = ("open-items", "drained-items", "republished")


@dataclass(frozen=True, slots=True)
class Overview:
    """Open work, finished work, and the live workers.

    `oldest_s` is the largest time since an open part was last sent; 0 if none is open. `queued` is
    the number of task messages in each queue.
    """

    open_items: int
    drained_items: int
    republished_parts: int
    oldest_s: float
    queued: Mapping[str, int]
    workers: Sequence[LiveWorker]


NOTHING = Overview(0, 0, 0, 0.0, {}, ())


def overview(
    redis: Redis, heartbeats: Heartbeats, models: Sequence[str], keys: Keys = KEYS
) -> Overview:
    """Read the overview in two round trips; `models` are those of the settings.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    workers = heartbeats.live_workers()
    configured = (model_queue_of(model, models) for model in models)
    model_queues = {"", *configured, *(worker.heartbeat.model_queue for worker in workers)}
    queues = [queue for model_queue in sorted(model_queues) for queue in queues_of(model_queue)]
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    for name in COUNTS:
        pipeline.get(keys(name))
    pipeline.zrange(keys("open"), 0, 0, withscores=True)
    for queue in queues:
        pipeline.llen(keys(queue))
    (seconds, micros), open_items, drained_items, republished, oldest, *lengths = pipeline.execute()
    now = seconds + micros / 1e6
    return Overview(
        open_items=int(open_items or 0),
        drained_items=int(drained_items or 0),
        republished_parts=int(republished or 0),
        oldest_s=max(0.0, now - oldest[0][1]) if oldest else 0.0,
        queued=dict(zip(queues, lengths, strict=True)),
        workers=workers,
    )
