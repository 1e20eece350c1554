"""OpenTelemetry traces. This module is loaded only if CLIP_TRACING is on.

The SDK reads its exporter and its sampler from the variables OTEL_*.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Kind: TypeAlias = Literal["internal", "server", "consumer"]
NANOSECONDS = 1_000_000_000
PARENT = "traceparent"  # https://www.w3.org/TR/trace-context/#traceparent-header


class Tracer:
    """Makes the spans of one process, and sends them in a background thread.

    Spans that cannot be sent are dropped and logged.
    """

    def __init__(self, service: str) -> None:
        """`service` is the service name if OTEL_SERVICE_NAME is not set."""
        named = Resource.create({SERVICE_NAME: service})
        provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer("clip-api")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, *, parent: str | None = None, kind: Kind = "internal"
    ) -> Iterator[trace.Span]:
        """A span around the context; log lines within have the id of its trace.

        `parent` is a W3C traceparent; an invalid one begins a new trace. Without it, the parent is
        the current span of this thread.
        """
        context = None if parent is None else self._propagator.extract({PARENT: parent})
        with self._tracer.start_as_current_span(name, context, kind=SpanKind[kind.upper()]) as span:
            trace_id = trace.format_trace_id(span.get_span_context().trace_id)
            with structlog.contextvars.bound_contextvars(trace_id=trace_id):
                yield span

    def carried(self) -> str:
        """This thread's span as a W3C traceparent; empty if there is none."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(PARENT, "")

    def add_before(self, name: str, seconds: float) -> None:
        """Add a span that ended when this thread's span began."""
        span = trace.get_current_span()
        if isinstance(span, Span) and span.start_time:
            self._add(name, span.start_time - _nanoseconds(seconds), span.start_time)

    def add_until(self, end_ns: int, steps: Sequence[tuple[str, float]]) -> None:
        """Add consecutive steps, each with its duration, the last of which ended at `end_ns`."""
        for name, seconds in reversed(steps):
            start_ns = end_ns - _nanoseconds(seconds)
            self._add(name, start_ns, end_ns)
            end_ns = start_ns

    def _add(self, name: str, start_ns: int, end_ns: int) -> None:
        if end_ns > start_ns:
            self._tracer.start_span(name, start_time=start_ns).end(end_ns)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)
