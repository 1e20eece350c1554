"""The files of a web page, as responses."""

from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources.abc import Traversable

from flask import Response, request

from api.errors import NotFound

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
}
PAGE = "index.html"
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
REVALIDATED = "no-cache"
LASTING = "public, max-age=31536000, immutable"
VERSION_LENGTH = 16


class StaticFiles:
    """Files in memory by name: no path of a request reaches the file system.

    They are served below `folder`, where their version comes first in the path: what a browser
    has of a version lasts. `policy` is their Content-Security-Policy.
    """

    def __init__(self, folder: str, contents: Mapping[str, bytes], policy: str) -> None:
        self._folder = folder
        self._contents = contents
        self._policy = policy
        self._version = _version(contents)
        self._page = self.link(contents[PAGE])

    def link(self, page: bytes) -> bytes:
        """A page whose links to these files name their version."""
        return page.replace(
            f'"{self._folder}/'.encode(), f'"{self._folder}/{self._version}/'.encode()
        )

    def page(self, prefix: str = "", head: str = "") -> Response:
        """The page itself, with more elements in its head; 304 if the client has it.

        With a prefix, a <base> makes its relative links work without a trailing slash too.
        """
        base = f'<base href="{escape(prefix)}/">' if prefix else ""
        page = self._page.replace(b"<head>", f"<head>{base}{head}".encode(), 1)
        response = self._response(page, PAGE)
        if prefix:
            policy = self._policy.replace("base-uri 'none'", "base-uri 'self'")
            response.headers["Content-Security-Policy"] = policy
        return response

    def file(self, name: str, version: str = "") -> Response:
        """A file that the page loads.

        Asked for another version, as a page of another release does, it is the one there is.

        Raises:
            NotFound: there is none, or it is the page, whose links work only under its own path.
        """
        if name == PAGE or name not in self._contents:
            raise NotFound
        response = self._response(self._contents[name], name)
        if version == self._version:
            response.headers["Cache-Control"] = LASTING
        return response

    def _response(self, content: bytes, name: str) -> Response:
        response = Response(content, content_type=MEDIA_TYPES[_suffix(name)])
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = self._policy
        response.headers["Cache-Control"] = REVALIDATED
        response.add_etag()
        response.make_conditional(request)
        return response


def read_folder(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    """All files of a page, by their paths below a folder."""
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= read_folder(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in MEDIA_TYPES:
            found[prefix + entry.name] = entry.read_bytes()
    return found


def _version(contents: Mapping[str, bytes]) -> str:
    digest = sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:VERSION_LENGTH]


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
