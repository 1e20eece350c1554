"""GET /: the playground, a page that uses the public API, and the files it is made of."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Blueprint, Response, request

from common.errors import NotFound

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
# Nothing from elsewhere but pictures: those that somebody links are shown as they are ranked.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: http: https:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Asked again each time, and answered with 304: the files of a page are of one version.
    "Cache-Control": "no-cache",
}


def make_blueprint() -> Blueprint:
    """Read all files, once: no path of a request ever reaches the file system."""
    blueprint = Blueprint("playground", __name__)
    static = _files_under(files("api") / "static")

    @blueprint.get("/")
    def page() -> Response:
        return _answer(static, "index.html")

    @blueprint.get("/playground/<path:name>")
    def file(name: str) -> Response:
        return _answer(static, name)

    return blueprint


def _files_under(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _files_under(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in MEDIA_TYPES:
            found[prefix + entry.name] = entry.read_bytes()
    return found


def _answer(static: dict[str, bytes], name: str) -> Response:
    if name not in static:
        raise NotFound
    response = Response(static[name], content_type=MEDIA_TYPES[name.rpartition(".")[2]])
    response.headers.update(HEADERS)
    response.add_etag()
    response.make_conditional(request)
    return response
