"""The metrics of a worker."""

import sys
from collections import Counter as Tally
from collections.abc import Sequence
from functools import partial
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from common.errors import ItemError, NoMemory, codes_of
from common.protocol.messages import Item, ItemKind, PartResult
from common.telemetry.buckets import POWERS_OF_TWO, SECONDS
from worker.batching.batcher import Batcher

KINDS_OF_BATCH = ("image", "text")
KINDS_OF_ITEM: tuple[ItemKind, ...] = get_args(ItemKind)


class WorkerMetrics:
    """The metrics of one worker process, in a registry of their own.

    Children are bound once, because looking one up by its labels takes longer than counting.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.encoded = dict.fromkeys(KINDS_OF_BATCH, 0)
        self._count_parts(registry)
        self._count_items(registry)
        self._measure_batches(registry)
        self._measure_stages(registry)
        beats = Counter("clip_heartbeats", "Heartbeats.", ["result"], registry=registry)
        self.beat_sent = beats.labels("sent").inc
        self.beat_failed = beats.labels("failed").inc

    def serve(self, host: str, port: int) -> None:
        """Serve the metrics on a port, or exit with the reason; 0 serves none.

        Includes metrics of the process itself, such as its memory.
        """
        if not port:
            return
        ProcessCollector(registry=self.registry)
        try:
            start_http_server(port, host, self.registry)
        except OSError as error:
            reason = error.strerror or error
            sys.exit(f"CLIP_METRICS_PORT: cannot listen on {host}, port {port} ({reason})")

    def begun(self) -> None:
        """A part was begun."""
        self._begun.inc()

    def dropped(self) -> None:
        """A part was cancelled, released, or finished too late."""
        self._dropped.inc()

    def finished(self, items: Sequence[Item], result: PartResult, hits: int) -> None:
        """The result of a part was stored; `hits` of its items were not encoded."""
        self._finished.inc()
        kinds = Tally(item.kind for item in items)
        for kind, count in kinds.items():
            self._items[kind].inc(count)
        faults = result.about.faults
        for index, fault in faults.items():
            self._errors[items[index].kind, fault.code].inc()
        self._hits.inc(hits)
        self._misses.inc(max(0, len(items) - hits - len(faults)))
        times = result.about.timings
        self._queue.observe(times.queue)
        self._inference.observe(times.inference)
        if kinds["uri"]:
            self._fetch.observe(times.fetch)
        if kinds["uri"] or kinds["blob"]:
            self._decode.observe(times.decode)

    def batch_done(self, kind: str, size: int, seconds: float) -> None:
        """A batch was encoded."""
        self.encoded[kind] += size
        items, took = self._batches[kind]
        items.observe(size)
        took.observe(seconds)

    def watch(self, batcher: Batcher) -> None:
        """Export the state of this batcher."""
        for kind in batcher.sizes:
            self._limit.labels(kind).set_function(partial(batcher.sizes.__getitem__, kind))
        self._in_flight.set_function(lambda: batcher.in_flight)

    def _count_parts(self, registry: CollectorRegistry) -> None:
        self._begun = Counter("clip_parts_begun", "Parts begun.", registry=registry)
        ended = Counter(
            "clip_parts_ended",
            "Parts ended: result stored (finished), cancelled or released (dropped), or failed "
            "with an error and to be run again (failed).",
            ["outcome"],
            registry=registry,
        )
        self._finished, self._dropped = ended.labels("finished"), ended.labels("dropped")
        self.part_failed = ended.labels("failed")

    def _count_items(self, registry: CollectorRegistry) -> None:
        items = Counter("clip_items", "Items of finished parts.", ["kind"], registry=registry)
        self._items = {kind: items.labels(kind) for kind in KINDS_OF_ITEM}
        errors = Counter(
            "clip_item_errors",
            "Items of finished parts that failed, by error code.",
            ["kind", "code"],
            registry=registry,
        )
        # Created at start, because a rate needs to begin at zero.
        self._errors = {
            (kind, code): errors.labels(kind, code)
            for kind in KINDS_OF_ITEM
            for code in sorted({*codes_of(ItemError), NoMemory.code})
        }
        cached = Counter(
            "clip_cached_embeddings",
            "Items of finished parts: embedding cached (hit), or made by the model (miss).",
            ["result"],
            registry=registry,
        )
        self._hits, self._misses = cached.labels("hit"), cached.labels("miss")

    def _measure_batches(self, registry: CollectorRegistry) -> None:
        items = Histogram(
            "clip_batch_items",
            "Items in a batch.",
            ["kind"],
            buckets=POWERS_OF_TWO,
            registry=registry,
        )
        took = Histogram(
            "clip_batch_seconds",
            "Time of a batch in the model.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        self._batches = {kind: (items.labels(kind), took.labels(kind)) for kind in KINDS_OF_BATCH}
        self._limit = Gauge(
            "clip_batch_limit_items", "Current maximum batch size.", ["kind"], registry=registry
        )
        self._in_flight = Gauge(
            "clip_in_flight_items", "Items waiting for the model or in it.", registry=registry
        )

    def _measure_stages(self, registry: CollectorRegistry) -> None:
        def stage(name: str, words: str) -> Histogram:
            return Histogram(f"clip_{name}_seconds", words, buckets=SECONDS, registry=registry)

        self._queue = stage("queue", "Time from a part's acceptance until a worker begins it.")
        self._fetch = stage("fetch", "Fetching the slowest image of a part with URLs.")
        self._decode = stage("decode", "Decoding the slowest image of a part with images.")
        self._inference = stage("inference", "A part's wait for the model, and its time in it.")
