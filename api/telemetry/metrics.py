"""All that the API tells Prometheus, whatever the number of its processes."""

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
    """What requests are counted with, and where everything is told from."""

    requests: RequestMetrics
    registry: CollectorRegistry


def make_metrics(settings: ApiSettings, look: Callable[[], Overview]) -> ApiMetrics:
    """The metrics of this process, told with those of its siblings; `look` is asked when told."""
    registry = CollectorRegistry()
    registry.register(ServiceMetrics(settings, look))
    folder = metrics_files.folder_joined()
    if folder is None:
        return ApiMetrics(RequestMetrics(registry), registry)
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return ApiMetrics(RequestMetrics(None), registry)
