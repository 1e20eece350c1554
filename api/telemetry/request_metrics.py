"""Counters of an API process: requests, errors, answers from the cache."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from common.errors import ClipError, codes_of
from common.telemetry.buckets import SECONDS

NO_ROUTE = "none"
CACHED = {True: "hit", False: "miss"}

Increase = Callable[[], None]
Observe = Callable[[float], None]


class RequestMetrics:
    """Counts answers. No label holds a client's input: a route is the text of its rule.

    Children are bound once, because looking one up by its labels takes longer than counting.
    """

    def __init__(self, registry: CollectorRegistry | None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._requests = Counter(
            "clip_requests",
            "Requests answered.",
            ["route", "status", "dialect"],
            registry=registry,
        )
        self._seconds = Histogram(
            "clip_request_seconds",
            "Time from a request's headers to those of its answer, including the wait for workers.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        errors = Counter(
            "clip_errors",
            "Requests refused or failed, by error code.",
            ["code"],
            registry=registry,
        )
        cached = Counter(
            "clip_cached_answers",
            "Synchronous requests answered from the cache alone (hit) or by workers (miss).",
            ["result"],
            registry=registry,
        )
        # Created at start, because a rate needs to begin at zero.
        self._errors = {code: errors.labels(code).inc for code in sorted(codes_of(ClipError))}
        self._cached = {known: cached.labels(CACHED[known]).inc for known in CACHED}
        self._bound: dict[tuple[str | None, int, str], tuple[Increase, Observe]] = {}

    def count(  # noqa: PLR0913 - what is known of one answer
        self,
        rule: str | None,
        status: int,
        seconds: float,
        *,
        error: str | None = None,
        cached: bool | None = None,
        dialect: str = "",
    ) -> None:
        """Count one answer, with the rule that matched, and its error code if it is an error.

        `cached` is whether the cache alone answered; None if the request does not use the cache.
        `dialect` is the name of the interface of another service that it uses, if any.
        """
        key = (rule, status, dialect)
        bound = self._bound.get(key) or self._bind(*key)
        increase, observe = bound
        increase()
        observe(seconds)
        if error is not None:
            self._errors[error]()
        if cached is not None:
            self._cached[cached]()

    def _bind(self, rule: str | None, status: int, dialect: str) -> tuple[Increase, Observe]:
        route = rule or NO_ROUTE
        requests = self._requests.labels(route, status, dialect)
        bound = (requests.inc, self._seconds.labels(route).observe)
        self._bound[rule, status, dialect] = bound
        return bound
