"""URL → bytes, following redirects: each hop is its own exchange."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from common.errors import FetchFailed, FetchTimeout, UrlRefused
from common.protocol.messages import Priority
from worker.batching.policy import PartRef
from worker.net.alarms import Alarms
from worker.net.exchange import (
    DEFAULTS,
    ClientOptions,
    Redirect,
    Refusal,
    WebClient,
    failed_with,
)
from worker.net.failures import cause_of
from worker.net.fetch_queue import Fetch, FetchQueue
from worker.net.guard import Guard
from worker.net.host_breaker import HostBreaker
from worker.net.terms import Terms
from worker.net.threads import DaemonThreads
from worker.net.urls import host_of, redirected

log = structlog.get_logger()

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
        self,
        guard: Guard | None,
        limits: FetchLimits,
        *,
        use_proxies: bool = False,
        options: ClientOptions = DEFAULTS,
    ) -> None:
        self._guard = guard
        self._alarms = Alarms()
        self.client = (
            WebClient(guard, options, use_proxies=use_proxies, alarms=self._alarms)
            if guard
            else None
        )
        self._limits = limits
        self._breaker = HostBreaker(PAUSE_TIMEOUTS * limits.timeout_s)
        self._queue = FetchQueue(limits.threads, limits.per_host, self._breaker)
        # As many as the queue starts at once, for each priority.
        self._threads = DaemonThreads("fetch", len(Priority) * limits.threads)

    def submit(self, url: str, part: PartRef, use: Callable[[bytes, float], Used]) -> Future[Used]:
        """Fetch a URL; the result is what `use` returns for its bytes and the seconds it took.

        The fetch waits until its host, job, owner and priority allow another thread, and keeps the
        thread until `use` returns, which bounds the images in memory. The result raises what `use`
        raises, and

            UrlRefused: images may not be fetched from there.
            FetchFailed, FetchTimeout: the server did not deliver, or not in time.
            ImageTooLarge: the server sent more than is allowed.
        """
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        fetch = Fetch(url, host_of(url), part, use, self._limits.timeout_s, request_id)
        self._queue.add(fetch)
        self._start_next()
        return fetch.result

    def _start_next(self) -> None:
        started, failed = self._queue.take()
        for fetch in failed:
            _fail_logged(fetch, FetchTimeout())
        for fetch in started:
            try:
                self._threads.run(partial(self._run, fetch))
            except RuntimeError as error:  # there are as many threads as the system allows
                self._queue.leave_host(fetch)
                self._queue.leave_thread(fetch)
                _fail_logged(fetch, FetchFailed(), error)

    def _run(self, fetch: Fetch) -> None:
        continues = False
        try:
            answer = self._ask(fetch)
            if isinstance(answer, bytes):
                _hand_over(fetch, answer)
            else:
                _follow(fetch, answer)
                continues = True
        except BaseException as error:  # noqa: BLE001 - raised by `result.result`
            _fail_logged(fetch, error)
        finally:
            self._queue.leave_thread(fetch)
            if continues:
                self._queue.add(fetch)
            self._start_next()

    def _ask(self, fetch: Fetch) -> bytes | Redirect | Refusal:
        given_s = fetch.left_s
        fetch.asked_at = time.monotonic()
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
            self._adapt_pace(fetch, answer)
            return answer
        finally:
            self._queue.leave_host(fetch)
            self._start_next()

    def _adapt_pace(self, fetch: Fetch, answer: bytes | Redirect | Refusal) -> None:
        """Adapt the pace before the next fetch of this host starts."""
        if not isinstance(answer, Refusal):
            self._queue.pace.answered(fetch.host)
            return
        resumes_at, is_retried = self._queue.refuse(fetch, answer.retry_after_s)
        if resumes_at:
            self._alarms.set(resumes_at, self._start_next)
        if not is_retried:
            raise failed_with(answer.status)

    def _exchange(self, fetch: Fetch) -> bytes | Redirect | Refusal:
        if self.client is None:
            raise UrlRefused("is a URL, and this service fetches no URLs")
        with self.client.deadline(fetch.left_s) as deadline:
            terms = Terms(deadline, self._limits.max_bytes)
            try:
                return self.client.get(fetch.url, terms)
            finally:
                fetch.left_s = deadline.left_s
                fetch.address = terms.address


def _follow(fetch: Fetch, answer: Redirect | Refusal) -> None:
    """Prepare the next request of a fetch that was redirected or refused."""
    if isinstance(answer, Refusal):
        return
    if fetch.redirects == MAX_REDIRECTS:
        raise FetchFailed("could not be fetched: too many redirects")
    try:
        fetch.url = redirected(fetch.url, answer.location)
    except ValueError as error:
        raise UrlRefused from error
    fetch.address = ""
    fetch.redirects += 1
    fetch.host = host_of(fetch.url)


def _hand_over(fetch: Fetch, content: bytes) -> None:
    if fetch.result.cancelled():
        return
    try:
        used = fetch.use(content, time.monotonic() - fetch.since)
    except BaseException as error:  # noqa: BLE001 - raised by `result.result`
        _fail(fetch, error)
    else:
        if fetch.result.set_running_or_notify_cancel():
            fetch.result.set_result(used)


def _fail_logged(fetch: Fetch, error: BaseException, cause: BaseException | None = None) -> None:
    """Fail the fetch, and log the cause for the operator."""
    took_s = time.monotonic() - fetch.asked_at if fetch.asked_at else 0.0
    fields = {"host": fetch.host, "address": fetch.address, **cause_of(cause or error)}
    log.info(
        "fetch_failed",
        **fields,
        code=getattr(error, "code", "error"),
        ms=round(1000 * took_s),
        job=fetch.part.job,
        request_id=fetch.request_id,
    )
    _fail(fetch, error)


def _fail(fetch: Fetch, error: BaseException) -> None:
    if fetch.result.set_running_or_notify_cancel():
        fetch.result.set_exception(error)
