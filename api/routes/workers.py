"""GET /workers: the live workers and their models. GET /models: what requests may choose."""

import orjson
from flask import Blueprint, Response

from api.answer import documents
from api.dispatch.dispatcher import Dispatcher
from api.routes.serving import JSON


def make_blueprint(dispatcher: Dispatcher) -> Blueprint:
    blueprint = Blueprint("workers", __name__)

    @blueprint.get("/workers")
    def workers() -> Response:
        beats = sorted(dispatcher.live_workers(), key=lambda beat: (beat.since, beat.name))
        body = {"workers": [documents.worker(beat) for beat in beats]}
        return Response(orjson.dumps(body), content_type=JSON)

    @blueprint.get("/models")
    def models() -> Response:
        body = {"models": [documents.model(served) for served in dispatcher.models()]}
        return Response(orjson.dumps(body), content_type=JSON)

    return blueprint
