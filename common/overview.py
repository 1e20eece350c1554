"""The state of the whole deployment at a glance, as Redis has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from common.heartbeats import WORKERS, Heartbeat, Heartbeats
from common.protocol import lane_of, queues_of

COUNTS = ("clip:open-items", "clip:drained-items", "clip:republished")


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that is alive, and the seconds since its last heartbeat."""

    heartbeat: Heartbeat
    silent_s: float


@dataclass(frozen=True, slots=True)
class Overview:
    """What waits, what was done, and who is there to do it.

    `oldest_s` is the age of the part that has been open for the longest time since it was last
    sent, 0 where none is. `queued` are the parts in each queue that no worker has taken.
    """

    open_items: int
    drained_items: int
    republished_parts: int
    oldest_s: float
    queued: Mapping[str, int]
    workers: Sequence[LiveWorker]


NOTHING = Overview(0, 0, 0, 0.0, {}, ())


def overview(redis: Redis, heartbeats: Heartbeats, models: Sequence[str]) -> Overview:
    """Look at everything in three round trips; `models` are those of the settings.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    alive = heartbeats.alive()
    lanes = {"", *(lane_of(model, models) for model in models), *(beat.lane for beat in alive)}
    queues = [queue for lane in sorted(lanes) for queue in queues_of(lane)]
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    for key in COUNTS:
        pipeline.get(key)
    pipeline.zrange("clip:open", 0, 0, withscores=True)
    pipeline.zrange(WORKERS, 0, -1, withscores=True)
    for queue in queues:
        pipeline.llen(queue)
    (seconds, micros), open_items, drained_items, republished, oldest, beats, *lengths = (
        pipeline.execute()
    )
    now = seconds + micros / 1e6
    beaten = {name.decode(): at for name, at in beats}
    return Overview(
        open_items=int(open_items or 0),
        drained_items=int(drained_items or 0),
        republished_parts=int(republished or 0),
        oldest_s=_age(oldest[0][1], now) if oldest else 0.0,
        queued=dict(zip(queues, lengths, strict=True)),
        workers=[LiveWorker(beat, _age(beaten.get(beat.name, now), now)) for beat in alive],
    )


def _age(at: float, now: float) -> float:
    return max(0.0, now - at)
