"""When a request is sent again, and when it is given up."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clip_api_client.errors import (
    ClipError,
    JobLost,
    ModelChanged,
    NotFound,
    QueueFull,
    RateLimited,
    Unavailable,
    Unreachable,
)
from clip_api_client.problems import problem_of
from clip_api_client.steps import Request, Response, Sleep, Steps

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
LONGEST_ASKED_FOR_S = 120.0
ERROR_STATUS = 400
# A server holds a request for a minute, unless it is told otherwise.
LONGEST_SILENCE_S = 90.0
KEY = "Idempotency-Key"
IN_TURN = (RateLimited, QueueFull)
"""Refusals that only say "later": trying again does not count as a failure."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A request is about to be sent again: why, in how many seconds, and for which time."""

    error: ClipError
    pause_s: float
    number: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is pursued, and how many failures of it are put up with."""

    timeout_s: float = 300.0
    retries: int = 5
    on_retry: Callable[[Retry], None] | None = None


@dataclass(slots=True)
class _Pursuit:
    """One request, from the first try to the last."""

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
        """Seconds until the next try. Raises the error when there shall be none."""
        if not isinstance(error, (Unreachable, RateLimited, Unavailable)):
            raise error
        if not isinstance(error, IN_TURN):
            self.failures += 1
        pause_s = _pause_s(error, self.tries)
        if self.failures > self.patience.retries or pause_s > self.deadline - time.monotonic():
            raise error
        if self.patience.on_retry:
            self.patience.on_retry(Retry(error, pause_s, self.tries))
        self.tries += 1
        return pause_s


def new_key() -> str:
    return secrets.token_hex(16)


def send(request: Request, patience: Patience) -> Steps[Response]:
    """Send a request until there is an answer of success.

    A POST carries an idempotency key made once: however often it is sent, the work is done once.
    Only a job that came to nothing by the service's fault is asked for anew, with a new key.

    Raises:
        ClipError: the request is at fault, or it was tried often or long enough.
    """
    pursuit = _Pursuit(patience)
    if request.method == "POST":
        request = _with_key(request)
    while True:
        timeout_s = min(LONGEST_SILENCE_S, pursuit.left_s)
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
            return Response(204, {}, b"")  # an earlier try was not for nothing
        pause_s = pursuit.pause_after(error)
        if isinstance(error, (JobLost, ModelChanged)):
            request = _with_key(request)
        yield Sleep(pause_s)


def _with_key(request: Request) -> Request:
    return replace(request, headers={**request.headers, KEY: new_key()})


def _pause_s(error: ClipError, tries: int) -> float:
    """What the server asks for and a little more, or twice as long each time: never in step."""
    if error.retry_after_s is not None:
        asked_for = min(error.retry_after_s, LONGEST_ASKED_FOR_S)
        return asked_for * random.uniform(1, 1.2)  # noqa: S311 - nothing to guess
    most = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))
    return most * random.uniform(0.5, 1)  # noqa: S311
