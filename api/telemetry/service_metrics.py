"""Metrics of the whole deployment, read from Redis at each scrape."""

from collections.abc import Callable, Iterator

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from api.dispatch.models import served_models
from api.settings import ApiSettings
from common.fleet.overview import NOTHING, Overview

log = structlog.get_logger()


class ServiceMetrics(Collector):
    """Reads the ledger at each scrape; every API process reports the same.

    Without Redis there are only `clip_redis_up 0` and the limits of the settings.
    """

    def __init__(self, settings: ApiSettings, look: Callable[[], Overview]) -> None:
        self._settings = settings
        self._look = look

    def describe(self) -> Iterator[Metric]:
        """All metrics that there may be, without reading Redis."""
        yield from self._always(is_up=True)
        yield from self._ledger(NOTHING)
        yield from self._workers(NOTHING)

    def collect(self) -> Iterator[Metric]:
        try:
            seen = self._look()
        except RedisError as error:
            log.warning("overview_not_read", error=type(error).__name__)
            yield from self._always(is_up=False)
            return
        yield from self._always(is_up=True)
        yield from self._ledger(seen)
        yield from self._workers(seen)

    def _always(self, *, is_up: bool) -> Iterator[Metric]:
        yield GaugeMetricFamily("clip_redis_up", "Whether Redis answers.", is_up)
        yield GaugeMetricFamily(
            "clip_open_items_limit",
            "Open items beyond which requests are refused.",
            self._settings.max_open_items,
        )

    def _ledger(self, seen: Overview) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "clip_open_items", "Items accepted and not finished.", seen.open_items
        )
        yield GaugeMetricFamily(
            "clip_oldest_open_item_seconds",
            "Time since the oldest open item was last sent to the workers; 0 if none is open.",
            seen.oldest_s,
        )
        yield CounterMetricFamily(
            "clip_drained_items",
            "Items that left the queue, encoded or given up.",
            seen.drained_items,
        )
        yield CounterMetricFamily(
            "clip_republished_parts",
            "Parts sent again because their worker died or their task message was lost.",
            seen.republished_parts,
        )
        queued = GaugeMetricFamily(
            "clip_queued_parts", "Task messages in the queue.", labels=["queue"]
        )
        for queue, parts in seen.queued.items():
            queued.add_metric([queue], parts)
        yield queued

    def _workers(self, seen: Overview) -> Iterator[Metric]:
        alive = GaugeMetricFamily("clip_workers", "Live workers.", labels=["model"])
        silent = GaugeMetricFamily(
            "clip_heartbeat_age_seconds",
            "Age of the oldest last heartbeat of any live worker.",
            labels=["model"],
        )
        silent_s = {worker.heartbeat.name: worker.silent_s for worker in seen.workers}
        for served in served_models(
            self._settings.model_names, [each.heartbeat for each in seen.workers]
        ):
            alive.add_metric([served.name], len(served.workers))
            if served.workers:
                longest = max(silent_s[beat.name] for beat in served.workers)
                silent.add_metric([served.name], longest)
        yield from (alive, silent)
