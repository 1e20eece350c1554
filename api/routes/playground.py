"""GET /: the playground, a web page that uses the public API."""

from html import escape
from importlib.resources import files

from flask import Blueprint, Response

from api.access.proxies import path_prefix
from api.openapi.operation import page
from api.settings import ApiSettings
from api.static_files import VERSION_LENGTH, StaticFiles, read_folder

# Nothing from elsewhere but images: the page shows those that a user links.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: http: https:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def read_files() -> StaticFiles:
    return StaticFiles("playground", read_folder(files("api") / "static" / "playground"), POLICY)


def make_blueprint(settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("playground", __name__)
    static = read_files()
    flower = settings.flower_url
    head = f'<meta name="flower" content="{escape(flower)}">' if flower else ""

    @blueprint.get("/")
    @page
    def index() -> Response:
        return static.page(path_prefix(), head)

    @blueprint.get("/playground/<path:name>")
    @blueprint.get(f"/playground/<string(length={VERSION_LENGTH}):version>/<path:name>")
    @page
    def file(name: str, version: str = "") -> Response:
        return static.file(name, version)

    return blueprint
