"""A span for each part, within its request's trace. Loaded only if CLIP_TRACING is on."""

import time
from collections.abc import Sequence
from dataclasses import replace

from redis import Redis

from common.cache.embeddings import CacheEntries
from common.ledger.jobs import Ledger
from common.protocol.messages import Item, PartResult
from common.redis.keys import Keys
from common.telemetry.tracing import Tracer
from worker.part.runner import PartRunner


class TracedRunner:
    """Runs parts as a PartRunner does, each in its own span."""

    def __init__(self, runner: PartRunner, redis: Redis, keys: Keys) -> None:
        self._tracer = Tracer("clip-worker")
        self._ledger = TracedLedger(redis, keys, self._tracer)
        self._runner = replace(runner, ledger=self._ledger)

    def run(self, job: str, part: int) -> bool:
        """See PartRunner.run."""
        parent = self._ledger.trace_of(job)
        with self._tracer.span("part", parent=parent, kind="consumer") as span:
            span.set_attribute("clip.job", job)
            span.set_attribute("clip.part", part)
            return self._runner.run(job, part)


class TracedLedger(Ledger):
    """A ledger that makes spans of the timings in the results it stores."""

    def __init__(self, redis: Redis, keys: Keys, tracer: Tracer) -> None:
        super().__init__(redis, keys)
        self._tracer = tracer

    def finish(
        self,
        job: str,
        part: int,
        items: Sequence[Item],
        result: PartResult,
        shared: CacheEntries | None = None,
    ) -> bool:
        times = result.about.timings
        steps = [("fetch", times.fetch), ("decode", times.decode), ("inference", times.inference)]
        self._tracer.add_before("queue", times.queue)
        self._tracer.add_until(time.time_ns(), steps)
        with self._tracer.span("finish"):
            return super().finish(job, part, items, result, shared)
