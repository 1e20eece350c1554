"""GET /openapi.json: the contract, for programs."""

from typing import Any

import orjson
from flask import Blueprint, Response

from api.routes.serving import JSON


def make_blueprint(document: dict[str, Any]) -> Blueprint:
    blueprint = Blueprint("docs", __name__)
    body = orjson.dumps(document)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, content_type=JSON)

    return blueprint
