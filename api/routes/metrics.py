"""GET /metrics: metrics for Prometheus."""

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.openapi.operation import Answer, Operation

MEASURED = Answer("Metrics in Prometheus's text format.", str, media_type="text/plain")


def make_blueprint(registry: CollectorRegistry) -> Blueprint:
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    @Operation(
        "metrics",
        "Get the metrics, over all API processes.",
        "For Prometheus: requests, errors, queues, workers and the cache.",
        (MEASURED,),
    )
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return blueprint
