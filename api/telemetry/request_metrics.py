"""What an API process counts: its requests, what it refused, what it answered from the cache."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from common.errors import ClipError, codes_of
from common.telemetry.buckets import SECONDS

NO_ROUTE = "none"
CACHED = {True: "hit", False: "miss"}

Increase = Callable[[], None]
Observe = Callable[[float], None]


class RequestMetrics:
    """Counts answers. A label is never anything that a caller wrote: a route is a rule's text.

    Children are bound once: finding one by its labels takes longer than counting.
    """

    def __init__(self, registry: CollectorRegistry | None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._requests = Counter(
            "clip_requests",
            "Requests answered.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "clip_request_seconds",
            "From a request's headers to its answer's, waiting for workers included.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        errors = Counter(
            "clip_errors",
            "Requests refused or failed, by the code of the answer.",
            ["code"],
            registry=registry,
        )
        cached = Counter(
            "clip_cached_answers",
            "Synchronous requests for embeddings: answered from the cache alone (hit), or by "
            "workers (miss).",
            ["result"],
            registry=registry,
        )
        # Present from the start, because a rate needs a zero to begin with.
        self._errors = {code: errors.labels(code).inc for code in sorted(codes_of(ClipError))}
        self._cached = {known: cached.labels(CACHED[known]).inc for known in CACHED}
        self._bound: dict[tuple[str | None, int], tuple[Increase, Observe]] = {}

    def count(
        self, rule: str | None, status: int, seconds: float, error: str | None, cached: bool | None
    ) -> None:
        """Count one answer: the rule that it matched, and the code of its error if it is one.

        `cached` is whether the cache alone answered; None where it was not asked.
        """
        bound = self._bound.get((rule, status)) or self._bind(rule, status)
        increase, observe = bound
        increase()
        observe(seconds)
        if error is not None:
            self._errors[error]()
        if cached is not None:
            self._cached[cached]()

    def _bind(self, rule: str | None, status: int) -> tuple[Increase, Observe]:
        route = rule or NO_ROUTE
        bound = (self._requests.labels(route, status).inc, self._seconds.labels(route).observe)
        self._bound[rule, status] = bound
        return bound
