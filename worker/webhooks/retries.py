"""Whether and when a webhook is retried."""

import random
from dataclasses import dataclass
from http import HTTPStatus

from common.errors import ClipError, UrlRefused
from common.webhooks.outbox import Attempt
from worker.net.exchange import Reply
from worker.net.host_pace import seconds_until

GROWTH = 4.0
MAX_PAUSE_S = 3600.0
MAX_RETRY_AFTER_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to wait in between."""

    attempts: int
    backoff_s: float

    def pause_s(self, attempts: int, retry_after_s: float) -> float:
        """Seconds until the next attempt, after `attempts` so far.

        Pauses grow fourfold up to an hour. Each is shortened at random by up to a half, so that
        webhooks that failed together are not retried together. `Retry-After` is honoured.
        """
        longest: float = min(self.backoff_s * GROWTH ** (min(attempts, 20) - 1), MAX_PAUSE_S)
        pause_s = longest * random.uniform(0.5, 1)  # noqa: S311 - nothing secret
        return max(pause_s, min(retry_after_s, MAX_RETRY_AFTER_S))

    def judge(self, reply: Reply, attempts: int) -> Attempt:
        """The outcome of an answer: 2xx is delivered, 429 and 5xx are retried."""
        status = reply.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Attempt("delivered", status)
        is_passing = (
            status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )
        if not is_passing or attempts >= self.attempts:
            return Attempt("failed", status)
        pause_s = self.pause_s(attempts, seconds_of(reply.retry_after))
        return Attempt("pending", status, pause_s=pause_s)

    def judge_failure(self, error: ClipError, attempts: int) -> Attempt:
        """The outcome without an answer; a refused URL is not retried."""
        if isinstance(error, UrlRefused) or attempts >= self.attempts:
            return Attempt("failed", error=error.code)
        return Attempt("pending", error=error.code, pause_s=self.pause_s(attempts, 0))


def seconds_of(retry_after: str) -> float:
    """`Retry-After`, a number or a date, in seconds from now; 0 if it is neither."""
    return seconds_until(retry_after) or 0.0
