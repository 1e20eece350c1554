"""URL → bytes, with the redirects between: each hop is an exchange of its own."""

from dataclasses import dataclass
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from common.errors import FetchFailed, UrlRefused
from worker.deadline import Deadline
from worker.exchange import Redirect, exchange
from worker.guard import Guard
from worker.host_slots import HostSlots

MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`timeout_s` is for one picture, redirects included; a wait for a host's slot has its own."""

    max_bytes: int
    timeout_s: float
    per_host: int = 8


class Fetcher:
    """Fetches pictures. Safe to use from many threads. Without a guard it refuses all URLs."""

    def __init__(
        self, guard: Guard | None, limits: FetchLimits, *, use_proxies: bool = False
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._slots = HostSlots(limits.per_host)
        self._use_proxies = use_proxies

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL.

        Raises:
            UrlRefused: pictures are not fetched from there.
            FetchFailed, FetchTimeout: the other side did not deliver, or not in time.
            ImageTooLarge: it delivers more than is allowed.
        """
        if self._guard is None:
            raise UrlRefused("is a URL, and this service fetches none")
        limits = self._limits
        left_s = limits.timeout_s
        for _ in range(MAX_REDIRECTS + 1):
            with self._slots.slot(_host(url), limits.timeout_s), Deadline(left_s) as deadline:
                answer = exchange(
                    url, self._guard, deadline, limits.max_bytes, use_proxies=self._use_proxies
                )
                left_s = deadline.left_s
            if not isinstance(answer, Redirect):
                return answer
            url = _joined(url, answer)
        raise FetchFailed("could not be fetched: it redirects too often")


def _host(url: str) -> str:
    try:
        return parse_url(url).host or ""
    except LocationParseError:
        raise UrlRefused from None


def _joined(url: str, redirect: Redirect) -> str:
    try:
        return urljoin(url, redirect.location)
    except ValueError:
        raise UrlRefused from None
