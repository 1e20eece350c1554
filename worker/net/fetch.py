"""URL → bytes, following redirects: each hop is its own exchange."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from common.errors import FetchFailed, FetchTimeout, UrlRefused
from worker.batching.policy import PartRef
from worker.net.deadline import Deadline
from worker.net.exchange import Redirect, exchange
from worker.net.fetch_queue import Fetch, FetchQueue
from worker.net.guard import Guard
from worker.net.host_breaker import HostBreaker

MAX_REDIRECTS = 5
PAUSE_TIMEOUTS = 2
"""A host that hangs gets no requests for this many timeouts."""

Used = TypeVar("Used")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`timeout_s` is for one image, redirects included; the wait for a thread does not count.

    `threads` is the number for each priority.
    """

    max_bytes: int
    timeout_s: float
    per_host: int = 8
    threads: int = 64


class Fetcher:
    """Fetches images. Thread-safe. Without a guard it refuses all URLs."""

    def __init__(
        self, guard: Guard | None, limits: FetchLimits, *, use_proxies: bool = False
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._breaker = HostBreaker(PAUSE_TIMEOUTS * limits.timeout_s)
        self._queue = FetchQueue(limits.threads, limits.per_host, self._breaker)
        self._use_proxies = use_proxies

    def submit(self, url: str, part: PartRef, use: Callable[[bytes, float], Used]) -> Future[Used]:
        """Fetch a URL; the result is what `use` returns for its bytes and the seconds it took.

        The fetch waits until its host, job, owner and priority allow another thread, and keeps the
        thread until `use` returns, which bounds the images in memory. The result raises what `use`
        raises, and

            UrlRefused: images may not be fetched from there.
            FetchFailed, FetchTimeout: the server did not deliver, or not in time.
            ImageTooLarge: the server sent more than is allowed.
        """
        fetch = Fetch(url, host_of(url), part, use, self._limits.timeout_s)
        self._queue.add(fetch)
        self._start_next()
        return fetch.result

    def _start_next(self) -> None:
        started, failed = self._queue.take()
        for fetch in failed:
            _fail(fetch, FetchTimeout())
        for fetch in started:
            # Not from a pool: the process must not wait for it at exit.
            thread = threading.Thread(target=self._run, args=(fetch,), name="fetch", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there are as many threads as the system allows
                self._queue.leave_host(fetch)
                self._queue.leave_thread(fetch)
                _fail(fetch, FetchFailed())

    def _run(self, fetch: Fetch) -> None:
        is_redirected = False
        try:
            answer = self._ask(fetch)
            if isinstance(answer, Redirect):
                _follow(fetch, answer)
                is_redirected = True
            elif not fetch.result.cancelled():
                used = fetch.use(answer, time.monotonic() - fetch.since)
                if fetch.result.set_running_or_notify_cancel():
                    fetch.result.set_result(used)
        except BaseException as error:  # noqa: BLE001 - raised where the result is read
            _fail(fetch, error)
        finally:
            self._queue.leave_thread(fetch)
            if is_redirected:
                self._queue.add(fetch)
            self._start_next()

    def _ask(self, fetch: Fetch) -> bytes | Redirect:
        given_s = fetch.left_s
        try:
            answer = self._exchange(fetch)
        except UrlRefused:
            raise
        except FetchTimeout:
            # If a redirect left little time, this host is not to blame.
            if given_s > self._limits.timeout_s / 2:
                self._breaker.timed_out(fetch.host)
            raise
        except Exception:
            self._breaker.answered(fetch.host)
            raise
        else:
            self._breaker.answered(fetch.host)
            return answer
        finally:
            self._queue.leave_host(fetch)
            self._start_next()

    def _exchange(self, fetch: Fetch) -> bytes | Redirect:
        if self._guard is None:
            raise UrlRefused("is a URL, and this service fetches no URLs")
        with Deadline(fetch.left_s) as deadline:
            answer = exchange(
                fetch.url,
                self._guard,
                deadline,
                self._limits.max_bytes,
                use_proxies=self._use_proxies,
            )
            fetch.left_s = deadline.left_s
        return answer


def host_of(url: str) -> str:
    """The host of a URL; empty if it has none, which is refused later."""
    try:
        return parse_url(url).host or ""
    except LocationParseError:
        return ""


def _follow(fetch: Fetch, redirect: Redirect) -> None:
    if fetch.redirects == MAX_REDIRECTS:
        raise FetchFailed("could not be fetched: too many redirects")
    try:
        fetch.url = urljoin(fetch.url, redirect.location)
    except ValueError:
        raise UrlRefused from None
    fetch.redirects += 1
    fetch.host = host_of(fetch.url)


def _fail(fetch: Fetch, error: BaseException) -> None:
    if fetch.result.set_running_or_notify_cancel():
        fetch.result.set_exception(error)
