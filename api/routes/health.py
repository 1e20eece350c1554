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
            offers = gateway.models()
            redis = True
        except BrokerAway:
            offers = []
            redis = False
        is_ready = any(offer.is_default and offer.workers for offer in offers)
        body = {
            "status": "ready" if is_ready else "not_ready",
            "redis": redis,
            "workers": sum(len(offer.workers) for offer in offers),
            "models": sorted(offer.name for offer in offers if offer.workers),
            "models_without_worker": sorted(offer.name for offer in offers if not offer.workers),
        }
        return Response(orjson.dumps(body), 200 if is_ready else 503, content_type=JSON)

    return blueprint
