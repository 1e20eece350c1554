"""A collector of OpenTelemetry traces on the loopback: what it is sent, it keeps."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A span as it came: ids in hexadecimal, times in epoch nanoseconds; `parent` may be empty."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: dict[str, Any]
    is_error: bool


class Collector:
    """Takes OTLP over HTTP, protobuf in the body."""

    def __init__(self) -> None:
        self._requests: list[ExportTraceServiceRequest] = []
        requests = self._requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == PATH:
                    requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if self.path == PATH else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def spans(self, trace: str) -> list[Span]:
        """What has come of one trace, by time."""
        found = [span for request in list(self._requests) for span in _spans(request)]
        return sorted((span for span in found if span.trace == trace), key=lambda span: span.start)


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=about["service.name"],
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes={
                        pair.key: pair.value.string_value or pair.value.int_value
                        for pair in span.attributes
                    },
                    is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                )
