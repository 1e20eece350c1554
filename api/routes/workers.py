"""GET /workers: who beats, with which model. GET /models: what requests may choose from."""

import orjson
from flask import Blueprint, Response

from api import documents
from api.gateway import Gateway
from api.routes.serving import JSON


def make_blueprint(gateway: Gateway) -> Blueprint:
    blueprint = Blueprint("workers", __name__)

    @blueprint.get("/workers")
    def workers() -> Response:
        beats = sorted(gateway.live_workers(), key=lambda beat: (beat.since, beat.name))
        body = {"workers": [documents.worker(beat) for beat in beats]}
        return Response(orjson.dumps(body), content_type=JSON)

    @blueprint.get("/models")
    def models() -> Response:
        body = {"models": [documents.model(offer) for offer in gateway.models()]}
        return Response(orjson.dumps(body), content_type=JSON)

    return blueprint
