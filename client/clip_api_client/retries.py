"""When a request is retried, and when it fails."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clip_api_client.errors import (
    ClipError,
    JobLost,
    ModelChanged,
    NoMemory,
    NotFound,
    QueueFull,
    RateLimited,
    Unavailable,
    Unreachable,
)
from clip_api_client.problems import problem_of
from clip_api_client.steps import Request, Response, Sleep, Steps

FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 8.0
MAX_OUTAGE_PAUSE_S = 2.0
"""A service that restarts is found soon; an attempt to connect costs it nothing."""
MAX_RETRY_AFTER_S = 120.0
ERROR_STATUS = 400
# By default the service answers a request within a minute.
MAX_SILENCE_S = 90.0
KEY = "Idempotency-Key"
IN_TURN = (RateLimited, QueueFull)
"""Refusals that only mean "later": they do not count as failures."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry: its cause, the seconds until it, and its number."""

    error: ClipError
    pause_s: float
    number: int


@dataclass(frozen=True, slots=True)
class Patience:
    """The timeout of a request, and the number of failures that it tolerates; None for any."""

    timeout_s: float = 300.0
    retries: int | None = None
    on_retry: Callable[[Retry], None] | None = None


@dataclass(slots=True)
class _Pursuit:
    """All attempts of one request."""

    patience: Patience
    deadline: float = field(init=False)
    failures: int = 0
    tries: int = 1

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.patience.timeout_s

    @property
    def left_s(self) -> float:
        return max(0.1, self.deadline - time.monotonic())

    def pause_after(self, error: ClipError) -> float:
        """Seconds until the next attempt. Raises the error if there is none."""
        if not isinstance(error, (Unreachable, RateLimited, Unavailable)):
            raise error
        if not isinstance(error, IN_TURN):
            self.failures += 1
        pause_s = _pause_s(error, self.tries)
        retries = self.patience.retries
        if retries is not None and self.failures > retries:
            raise error
        if pause_s > self.deadline - time.monotonic():
            raise error
        if self.patience.on_retry:
            self.patience.on_retry(Retry(error, pause_s, self.tries))
        self.tries += 1
        return pause_s


def new_key() -> str:
    return secrets.token_hex(16)


def send(request: Request, patience: Patience) -> Steps[Response]:
    """Send a request until it succeeds.

    All attempts of a POST have the same idempotency key, so that the work is done once. Only if
    the service lost the job, or could not run it, the request is repeated with a new key.

    Raises:
        ClipError: the request is at fault, or its retries or its timeout are used up.
    """
    pursuit = _Pursuit(patience)
    if request.method == "POST":
        request = _with_key(request)
    while True:
        timeout_s = min(MAX_SILENCE_S, pursuit.left_s)
        error: ClipError
        try:
            response: Response = yield replace(request, timeout_s=timeout_s)
        except Unreachable as unreachable:
            error = unreachable
        else:
            if response.status < ERROR_STATUS:
                return response
            error = problem_of(response)
        if request.method == "DELETE" and pursuit.failures and isinstance(error, NotFound):
            return Response(204, {}, b"")  # an earlier attempt succeeded
        pause_s = pursuit.pause_after(error)
        if isinstance(error, (JobLost, ModelChanged, NoMemory)):
            request = _with_key(request)
        yield Sleep(pause_s)


def _with_key(request: Request) -> Request:
    return replace(request, headers={**request.headers, KEY: new_key()})


def _pause_s(error: ClipError, tries: int) -> float:
    """`Retry-After` plus jitter, or exponential backoff with jitter."""
    if error.retry_after_s is not None:
        asked_for = min(error.retry_after_s, MAX_RETRY_AFTER_S)
        return asked_for * random.uniform(1, 1.2)  # noqa: S311 - nothing to guess
    longest_s = MAX_OUTAGE_PAUSE_S if isinstance(error, Unreachable) else MAX_PAUSE_S
    pause_s = min(longest_s, FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10))
    return pause_s * random.uniform(0.5, 1)  # noqa: S311
