"""GET /healthz: the process lives. GET /readyz: a request would be served now."""

import orjson
from flask import Blueprint, Response
from redis.exceptions import RedisError

from api.dispatch.dispatcher import Dispatcher
from api.dispatch.lineup import conflicting_models, is_ready
from api.routes.serving import JSON


def make_blueprint(dispatcher: Dispatcher) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response(b'{"status":"ok"}', content_type=JSON)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            offers = dispatcher.models()
            redis = True
        except RedisError:
            offers = []
            redis = False
        ready = is_ready(offers)
        body = {
            "status": "ready" if ready else "not_ready",
            "redis": redis,
            "workers": sum(len(offer.workers) for offer in offers),
            "models": sorted(offer.name for offer in offers if offer.workers),
            "models_without_worker": sorted(offer.name for offer in offers if not offer.workers),
            "conflicting_models": conflicting_models(
                beat for offer in offers for beat in offer.workers
            ),
        }
        return Response(orjson.dumps(body), 200 if ready else 503, content_type=JSON)

    return blueprint
