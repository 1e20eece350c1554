"""GET /openapi.json and GET /docs: the API's contract, for programs and for people."""

from importlib.resources import files
from typing import Any

import orjson
from flask import Blueprint, Response, current_app

from api.access.proxies import root_url
from api.openapi.operation import JSON, Answer, Operation, page
from api.routes import playground
from api.settings import ApiSettings
from api.static_files import PAGE, VERSION_LENGTH, StaticFiles, read_folder

# From a package that requirements/api.txt pins, so the page loads nothing from elsewhere.
SCRIPT, STYLES = "swagger-ui-bundle.js", "swagger-ui.css"
# Our rules, which are in no layer, win over the viewer's, however specific those are.
LAYER = b"@layer viewer {\n%s\n}\n"
# The viewer has data URIs for images in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


DOCUMENT = Answer("This document.", dict[str, Any])


def make_blueprint(settings: ApiSettings) -> Blueprint:
    """The document is the extension `openapi` of the application."""
    blueprint = Blueprint("docs", __name__)
    viewer = files("flask_swagger_ui") / "dist"
    own = read_folder(files("api") / "static" / "docs")
    own[SCRIPT] = (viewer / SCRIPT).read_bytes()
    own[STYLES] = LAYER % (viewer / STYLES).read_bytes()
    own[PAGE] = playground.read_files().link(own[PAGE])
    static = StaticFiles("docs", own, POLICY)

    @blueprint.get("/openapi.json")
    @Operation(
        "openapi",
        "Get this document.",
        "To generate a client, or to import the API into a tool.",
        (DOCUMENT,),
    )
    def openapi() -> Response:
        document = current_app.extensions["openapi"]
        servers = {"servers": [{"url": root_url()}]} if settings.trusted_proxies else {}
        content = orjson.dumps(document | servers, option=orjson.OPT_APPEND_NEWLINE)
        return Response(content, content_type=JSON)

    @blueprint.get("/docs")
    @page
    def index() -> Response:
        return static.page()

    @blueprint.get("/docs/<name>")
    @blueprint.get(f"/docs/<string(length={VERSION_LENGTH}):version>/<name>")
    @page
    def file(name: str, version: str = "") -> Response:
        return static.file(name, version)

    return blueprint
