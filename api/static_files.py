"""The files of a web page, as responses."""

from collections.abc import Mapping
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
    # Revalidated each time (304), so that all files of a page are of one version.
    "Cache-Control": "no-cache",
}


class StaticFiles:
    """Files in memory by name: no path of a request reaches the file system.

    `policy` is their Content-Security-Policy.
    """

    def __init__(self, contents: Mapping[str, bytes], policy: str) -> None:
        self._contents = contents
        self._policy = policy

    def page(self, prefix: str = "", head: str = "") -> Response:
        """The page itself, with more elements in its head; 304 if the client has it.

        With a prefix, a <base> makes its relative links work without a trailing slash too.
        """
        base = f'<base href="{escape(prefix)}/">' if prefix else ""
        page = self._contents[PAGE].replace(b"<head>", f"<head>{base}{head}".encode(), 1)
        response = self._response(page, PAGE)
        if prefix:
            policy = self._policy.replace("base-uri 'none'", "base-uri 'self'")
            response.headers["Content-Security-Policy"] = policy
        return response

    def file(self, name: str) -> Response:
        """A file that the page loads.

        Raises:
            NotFound: there is none, or it is the page, whose links work only under its own path.
        """
        if name == PAGE or name not in self._contents:
            raise NotFound
        return self._answer(name)

    def _answer(self, name: str) -> Response:
        return self._response(self._contents[name], name)

    def _response(self, content: bytes, name: str) -> Response:
        response = Response(content, content_type=MEDIA_TYPES[_suffix(name)])
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = self._policy
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


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
