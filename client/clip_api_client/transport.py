"""The options of httpx, and conversions between our requests and its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from clip_api_client.errors import Unreachable
from clip_api_client.proxies import proxy_of
from clip_api_client.steps import Request, Response

USER_AGENT = "clip-api-client/0.1.0"
CONNECT_TIMEOUT_S = 10.0
MAX_PORT = 65_535
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


def http_options(url: str, api_key: str | None, at_once: int) -> dict[str, Any]:
    """The options of the httpx client. Raises ValueError for an invalid URL, key or proxy."""
    base_url = service_url(url)
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
    if key := (api_key or "").strip():
        headers["Authorization"] = f"Bearer {_checked(key)}"
    limits = httpx.Limits(max_connections=at_once + 2, max_keepalive_connections=at_once + 2)
    return {
        "base_url": base_url,
        "headers": headers,
        "limits": limits,
        "proxy": proxy_of(base_url),
        "trust_env": False,  # httpx would need the packages of proxies that are not used
        "verify": httpx.create_ssl_context(),  # which honours SSL_CERT_FILE all the same
    }


def _checked(key: str) -> str:
    # httpx would retry such a request, and show the key in its error.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("the API key has characters that a header cannot have")
    return key


def service_url(url: str) -> httpx.URL:
    """The URL of a service; http:// if it has no scheme. Raises ValueError if it is not valid."""
    given, shown = url.strip().rstrip("/"), without_secrets(url)
    if not SCHEME.match(url.strip()):
        given = f"http://{given}"
    try:
        parsed = httpx.URL(given)
        parsed.raw_host.decode("ascii").encode("idna")  # as a socket will
    except (httpx.InvalidURL, UnicodeError) as error:
        # The reason may have a part of the password.
        reason = "" if "@" in url or isinstance(error, UnicodeError) else f": {error}"
        raise ValueError(f"{shown!r} is not the URL of a service{reason}") from None
    if parsed.scheme not in ("http", "https"):
        raise ValueError(f"the URL of a service begins with http:// or https://, not {shown!r}")
    if not parsed.host or any(sign.isspace() for sign in given):
        raise ValueError(f"{shown!r} is not the URL of a service, such as http://localhost:3000")
    if parsed.port is not None and not 0 < parsed.port <= MAX_PORT:
        raise ValueError(f"{shown!r} has no valid port: ports are 1 to {MAX_PORT}")
    if "?" in given or "#" in given:
        raise ValueError(f"the URL of a service has no query and no fragment: {shown!r} is enough")
    return parsed


def without_secrets(url: str) -> str:
    """A URL to show, even one that is not valid: without user, password, query and fragment."""
    scheme = found[0] if (found := SCHEME.match(url)) else ""
    if "@" in url:
        # A password may have any sign, also one that ends the host of a valid URL.
        slashes = "/" if url.startswith("/", len(scheme)) else ""
        url = scheme + slashes + url.rpartition("@")[2]
    return url.partition("?")[0].partition("#")[0]


def arguments(request: Request) -> dict[str, Any]:
    """The arguments of `httpx.Client.request`."""
    return {
        "method": request.method,
        "url": request.path,
        "params": request.parameters,
        "headers": request.headers,
        "content": request.body,
        "timeout": httpx.Timeout(
            request.timeout_s, connect=min(CONNECT_TIMEOUT_S, request.timeout_s)
        ),
    }


def response_of(answer: httpx.Response) -> Response:
    return Response(answer.status_code, dict(answer.headers), answer.content)


@contextmanager
def telling_of_outages(url: str) -> Iterator[None]:
    """Raise every error without an answer as Unreachable."""
    try:
        yield
    except httpx.TransportError as error:
        words = str(error) or type(error).__name__
        raise Unreachable(f"{without_secrets(url)} does not answer: {words}") from error
