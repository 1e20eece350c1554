"""GET /healthz: the process lives. GET /readyz: a request would be served now."""

import orjson
from flask import Blueprint, Response

from api.gateway import Gateway
from api.routes.serving import JSON
from common.errors import BrokerAway


def make_blueprint(gateway: Gateway) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response(b'{"status":"ok"}', content_type=JSON)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            workers = gateway.live_workers()
            redis = True
        except BrokerAway:
            workers = []
            redis = False
        body = {
            "status": "ready" if workers else "not_ready",
            "redis": redis,
            "workers": len(workers),
            "models": sorted({worker.model.name for worker in workers}),
        }
        return Response(orjson.dumps(body), 200 if workers else 503, content_type=JSON)

    return blueprint
