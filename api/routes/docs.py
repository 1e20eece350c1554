"""GET /openapi.json and GET /docs: the contract, for programs and for people."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, send_from_directory

from api.routes.serving import JSON

OWN = Path(__file__).parents[1] / "static" / "docs"
# Swagger UI, as the package that requirements/api.txt pins brings it: nothing is fetched.
VIEWER = Path(str(files("flask_swagger_ui"))) / "dist"
FILES = {
    "docs.js": OWN,
    "docs.css": OWN,
    "swagger-ui-bundle.js": VIEWER,
    "swagger-ui.css": VIEWER,
}
# The viewer sets styles of its own and has pictures in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def make_blueprint(document: dict[str, Any]) -> Blueprint:
    blueprint = Blueprint("docs", __name__)
    body = orjson.dumps(document)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, content_type=JSON)

    @blueprint.get("/docs")
    def page() -> Response:
        response = send_from_directory(OWN, "index.html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @blueprint.get(f"/docs/<any({', '.join(map(repr, FILES))}):name>")
    def file(name: str) -> Response:
        return send_from_directory(FILES[name], name)

    return blueprint
