"""GET /openapi.json and GET /docs: the contract, for programs and for people."""

from importlib.resources import files
from typing import Any

import orjson
from flask import Blueprint, Response

from api.routes.serving import JSON
from api.static_files import StaticFiles, read_folder

# Of the package that requirements/api.txt pins: nothing is fetched.
VIEWER = ("swagger-ui-bundle.js", "swagger-ui.css")
# The viewer sets styles of its own and has images in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def make_blueprint(document: dict[str, Any]) -> Blueprint:
    blueprint = Blueprint("docs", __name__)
    body = orjson.dumps(document)
    viewer = files("flask_swagger_ui") / "dist"
    own = read_folder(files("api") / "static" / "docs")
    static = StaticFiles(own | {name: (viewer / name).read_bytes() for name in VIEWER}, POLICY)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, content_type=JSON)

    @blueprint.get("/docs")
    def page() -> Response:
        return static.page()

    @blueprint.get("/docs/<name>")
    def file(name: str) -> Response:
        return static.file(name)

    return blueprint
