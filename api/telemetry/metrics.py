"""The API's metrics for Prometheus, over all its processes."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from api.settings import ApiSettings
from api.telemetry import metrics_files
from api.telemetry.request_metrics import RequestMetrics
from api.telemetry.service_metrics import ServiceMetrics
from common.fleet.overview import Overview


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """The counters of requests, and the registry that /metrics exposes."""

    requests: RequestMetrics
    registry: CollectorRegistry


def make_metrics(settings: ApiSettings, look: Callable[[], Overview]) -> ApiMetrics:
    """The metrics of this process and its siblings; each scrape calls `look`."""
    registry = CollectorRegistry()
    registry.register(ServiceMetrics(settings, look))
    folder = metrics_files.folder_joined()
    if folder is None:
        return ApiMetrics(RequestMetrics(registry), registry)
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return ApiMetrics(RequestMetrics(None), registry)
