"""GET /healthz: the process lives. GET /readyz: a request would be served now."""

import orjson
from flask import Blueprint, Response
from redis.exceptions import RedisError

from api.dispatch.dispatcher import Dispatcher
from api.dispatch.models import conflicting_models, is_ready
from api.routes.serving import JSON


def make_blueprint(dispatcher: Dispatcher) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response(b'{"status":"ok"}', content_type=JSON)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            models = dispatcher.models()
            redis = True
        except RedisError:
            models = []
            redis = False
        ready = is_ready(models)
        body = {
            "status": "ready" if ready else "not_ready",
            "redis": redis,
            "workers": sum(len(served.workers) for served in models),
            "models": sorted(served.name for served in models if served.workers),
            "models_without_worker": sorted(served.name for served in models if not served.workers),
            "conflicting_models": conflicting_models(
                beat for served in models for beat in served.workers
            ),
        }
        return Response(orjson.dumps(body), 200 if ready else 503, content_type=JSON)

    return blueprint
