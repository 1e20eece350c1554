"""One HTTP request and its answer, guarded, and limited in bytes and in time."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import requests
from requests.exceptions import (
    InvalidURL,
    MissingSchema,
    RequestException,
    SSLError,
)
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from common.errors import FetchFailed, FetchTimeout, ImageTooLarge, UrlRefused
from worker.net.deadline import Deadline
from worker.net.guard import Guard
from worker.net.guarded_adapter import GuardedAdapter

CHUNK_BYTES = 65_536
DEFAULT_PORTS = {"http": 80, "https": 443}
USER_AGENT = "clip-api"


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect; `location` may be relative."""

    location: str


@dataclass(frozen=True, slots=True)
class Message:
    """A POST request."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer; `retry_after` is the header's value, or empty."""

    status: int
    retry_after: str


def exchange(
    url: str, guard: Guard, deadline: Deadline, max_bytes: int, *, use_proxies: bool
) -> bytes | Redirect:
    """The answer to a GET request.

    Raises:
        UrlRefused: the guard does not allow it, or it is not an http or https URL.
        FetchFailed, FetchTimeout, ImageTooLarge: see worker.net.fetch.Fetcher.
    """
    request = requests.Request("GET", url)
    with _answered(request, guard, deadline, max_bytes, use_proxies=use_proxies) as response:
        # The body of a redirect is not read: `requests` would, however long it is.
        if response.is_redirect:
            return Redirect(response.headers["Location"].encode("latin-1").decode())
        if response.status_code != HTTPStatus.OK:
            status = response.status_code
            raise FetchFailed(f"could not be fetched: the server answered {status}")
        return _content(response, max_bytes)


def post(message: Message, guard: Guard, deadline: Deadline, *, use_proxies: bool) -> Reply:
    """Send a POST request. Reads only the head of the answer, and follows no redirect.

    Raises:
        UrlRefused, FetchFailed, FetchTimeout: see `exchange`.
    """
    headers = dict(message.headers)
    request = requests.Request("POST", message.url, headers=headers, data=message.body)
    with _answered(request, guard, deadline, 0, use_proxies=use_proxies) as response:
        return Reply(response.status_code, response.headers.get("Retry-After", ""))


@contextmanager
def _answered(
    request: requests.Request,
    guard: Guard,
    deadline: Deadline,
    max_bytes: int,
    *,
    use_proxies: bool,
) -> Iterator[requests.Response]:
    """The response to a request, its body unread."""
    url = request.url or ""
    if not url.lower().startswith(("http://", "https://")):
        raise UrlRefused
    with _as_clip_errors(deadline), closing(GuardedAdapter(guard, deadline, max_bytes)) as adapter:
        request.headers["User-Agent"] = USER_AGENT
        prepared = request.prepare()
        proxies = _proxies(url, guard) if use_proxies else {}
        with closing(_open(adapter, prepared, deadline, proxies)) as response:
            yield response


@contextmanager
def _as_clip_errors(deadline: Deadline) -> Iterator[None]:
    """Turn all errors into ones that reveal nothing about the internal network."""
    try:
        yield
    except (InvalidURL, MissingSchema, UnicodeError):
        raise UrlRefused from None
    except (RequestException, HTTPError, OSError):
        raise (FetchTimeout if deadline.has_passed else FetchFailed) from None
    # A socket that was shut down looks like a complete answer.
    if deadline.has_passed:
        raise FetchTimeout


def _open(
    adapter: GuardedAdapter,
    request: requests.PreparedRequest,
    deadline: Deadline,
    proxies: dict[str, str],
) -> requests.Response:
    """The response, its body unread. A connection that fails is retried once."""

    def send() -> requests.Response:
        timeout_s = max(deadline.left_s, 0.001)
        return adapter.send(request, stream=True, timeout=timeout_s, verify=True, proxies=proxies)

    try:
        return send()
    except SSLError:
        raise
    except requests.ConnectionError:
        if deadline.has_passed:
            raise
        return send()


def _proxies(url: str, guard: Guard) -> dict[str, str]:
    """The proxies of the environment. With a proxy, only literal addresses can be checked."""
    proxies: dict[str, str] = get_environ_proxies(url)
    if select_proxy(url, proxies):
        parsed = parse_url(url)
        guard.check_literal(
            parsed.host or "", parsed.port or DEFAULT_PORTS.get(parsed.scheme or "", 0)
        )
    return proxies


def _content(response: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in _chunks(response):
        content += chunk
        if len(content) > max_bytes:
            raise ImageTooLarge(f"has more than the {max_bytes} bytes allowed")
    return bytes(content)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Decompressed pieces as they arrive, without waiting for a full chunk."""
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        yield chunk
