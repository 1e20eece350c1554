"""The client's address and the URL that it used, from the headers of trusted proxies."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from flask import Flask, request
from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SCHEME = re.compile(r"https?", re.IGNORECASE)
HOST = re.compile(r"([\w.-]++|\[[0-9a-f:.]++\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
SAFE_IN_PATH = "/!$&'()*+;=:@~"
PREFIX = re.compile(
    r"(?:/(?!\.|%2e)(?:(?!%2f|%5c)[\w.!$&'()*+;=:@~%-])++)++/?+", re.ASCII | re.IGNORECASE
)


def trust(app: Flask, proxies: int) -> None:
    """Trust the X-Forwarded-* values of this many proxies, and no value that a client sent.

    The address is the one that the first of these proxies saw. Scheme, host and prefix often have
    fewer values than there are proxies, because each proxy replaces the value before.
    """
    forwarded = _ForwardedUrl(app.wsgi_app, proxies)
    app.wsgi_app = ProxyFix(forwarded, x_for=proxies, x_proto=0)  # type: ignore[method-assign]


class _ForwardedUrl:
    """Sets scheme, host and prefix; invalid values are ignored."""

    def __init__(self, app: "WSGIApplication", proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if scheme := self._value(environ, "PROTO", SCHEME):
            environ["wsgi.url_scheme"] = scheme.lower()
        if host := self._value(environ, "HOST", HOST):
            environ["HTTP_HOST"] = host
        if prefix := self._value(environ, "PREFIX", PREFIX):
            environ["SCRIPT_NAME"] = unquote_to_bytes(prefix.rstrip("/")).decode("latin-1")
        return self._app(environ, start_response)

    def _value(self, environ: "WSGIEnvironment", name: str, pattern: re.Pattern[str]) -> str | None:
        values = parse_list_header(environ.get(f"HTTP_X_FORWARDED_{name}", ""))
        value = values[-min(self._proxies, len(values))] if values else ""
        return value if pattern.fullmatch(value) else None


def path_prefix() -> str:
    """The path at which proxies serve the API, percent-encoded; empty for the root."""
    return quote(request.script_root, safe=SAFE_IN_PATH)


def job_links(job: str, prefix: str) -> dict[str, str]:
    """The paths of a job below a prefix."""
    own = f"{prefix}/jobs/{job}"
    return {"self": own, "cancel": f"{own}/cancel"}


def root_url() -> str:
    """The URL of the service for the client, without a trailing slash."""
    host = request.host
    return f"{request.scheme}://{host}{path_prefix()}" if host else path_prefix() or "/"
