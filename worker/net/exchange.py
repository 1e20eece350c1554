"""One HTTP request and its answer, guarded, and limited in bytes and in time."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import requests
from requests.exceptions import SSLError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.util import parse_url

from common.errors import FetchFailed, ImageTooLarge, UrlRefused
from common.settings import VERSION
from worker.net.alarms import Alarms
from worker.net.deadline import Deadline
from worker.net.failures import as_clip_errors
from worker.net.guard import Guard
from worker.net.guarded_adapter import GuardedAdapter
from worker.net.host_pace import seconds_until
from worker.net.terms import Terms
from worker.net.trust import ContextMaker, trusting_public_authorities
from worker.net.urls import location_of, request_url

CHUNK_BYTES = 65_536
TOO_MANY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
DEFAULT_PORTS = {"http": 80, "https": 443}
USER_AGENT = f"clip-api/{VERSION} (+urn:clip-api:image-fetcher)"
ACCEPT = "image/*,*/*;q=0.8"


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect; `location` may be relative."""

    location: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer of a host that gets too many requests, and its `Retry-After`, if any."""

    status: int
    retry_after_s: float | None


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


def failed_with(status: int) -> FetchFailed:
    return FetchFailed(f"could not be fetched: the server answered {status}")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Which certificates a client trusts, and its User-Agent."""

    trusted: ContextMaker = trusting_public_authorities
    user_agent: str = USER_AGENT


DEFAULTS = ClientOptions()


class WebClient:
    """Sends requests to addresses that the guard allows, and keeps connections. Thread-safe."""

    def __init__(
        self,
        guard: Guard,
        options: ClientOptions = DEFAULTS,
        *,
        use_proxies: bool = False,
        alarms: Alarms | None = None,
    ) -> None:
        self.options = options
        self._guard = guard
        self._use_proxies = use_proxies
        self._alarms = alarms or Alarms()
        self._adapter = GuardedAdapter(guard, self._alarms, options.trusted)

    def deadline(self, seconds: float) -> Deadline:
        """The deadline of an exchange."""
        return Deadline(seconds, self._alarms)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def get(self, url: str, terms: Terms) -> bytes | Redirect | Refusal:
        """The answer to a GET request.

        Raises:
            UrlRefused: the guard does not allow it, or it is not an http or https URL.
            FetchFailed, FetchTimeout, ImageTooLarge: see worker.net.fetch.Fetcher.
        """
        request = requests.Request("GET", url, headers={"Accept": ACCEPT})
        with self._answered(request, terms) as response:
            # The body of a redirect is not read: `requests` would, however long it is.
            if response.is_redirect:
                return Redirect(location_of(response.headers["Location"]))
            status = response.status_code
            if status in TOO_MANY:
                return Refusal(status, seconds_until(response.headers.get("Retry-After", "")))
            if status != HTTPStatus.OK:
                raise failed_with(status)
            return _content(response, terms.max_bytes)

    def post(self, message: Message, terms: Terms) -> Reply:
        """Send a POST request. Reads only the head of the answer, and follows no redirect.

        Raises:
            UrlRefused, FetchFailed, FetchTimeout: see `get`.
        """
        headers = dict(message.headers)
        request = requests.Request("POST", message.url, headers=headers, data=message.body)
        with self._answered(request, terms) as response:
            return Reply(response.status_code, response.headers.get("Retry-After", ""))

    @contextmanager
    def _answered(self, request: requests.Request, terms: Terms) -> Iterator[requests.Response]:
        """The response to a request, its body unread."""
        try:
            url = request.url = request_url(request.url or "")
        except ValueError as error:
            raise UrlRefused from error
        with as_clip_errors(terms.deadline), self._adapter.under(terms):
            request.headers["User-Agent"] = self.options.user_agent
            prepared = request.prepare()
            proxies = _proxies(url, self._guard) if self._use_proxies else {}
            with closing(_open(self._adapter, prepared, terms.deadline, proxies)) as response:
                if response.raw.length_remaining == 0:
                    response.raw.read(1)  # releases the connection, which can be kept
                yield response


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
