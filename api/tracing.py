"""A request as a span, and in it what the gateway does. Loaded only where CLIP_TRACING is on."""

from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus

from flask import Flask, Response, g, request
from opentelemetry.trace import StatusCode

from api.admission import Accepted
from api.caller import Caller
from api.gateway import Gateway, Stores
from api.items import DistinctItems
from api.results import Outcome
from api.settings import ApiSettings
from common.records import Idempotency
from common.tracing import Tracer

NOT_TRACED = {"/healthz", "/readyz", "/metrics"}


def register(app: Flask, tracer: Tracer) -> None:
    """Trace requests from here on, but for those that only watch the service."""

    def begin() -> None:
        rule = request.url_rule.rule if request.url_rule else None
        if rule in NOT_TRACED:
            return
        g.trace = ExitStack()
        name = f"{request.method} {rule}" if rule else "no route"
        given = request.headers.get("traceparent", "")
        g.span = g.trace.enter_context(tracer.span(name, parent=given, kind="server"))
        if rule:
            g.span.set_attribute("http.route", rule)
            g.span.set_attribute("http.request.method", request.method)
        g.span.set_attribute("clip.request_id", g.request_id)

    def tell(response: Response) -> Response:
        if "span" in g:
            g.span.set_attribute("http.response.status_code", response.status_code)
            if "job" in g:
                g.span.set_attribute("clip.job", g.job)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                g.span.set_status(StatusCode.ERROR)
        return response

    def end(_: BaseException | None) -> None:
        if "trace" in g:
            g.trace.close()

    app.before_request(begin)
    app.after_request(tell)
    app.teardown_request(end)


class TracedGateway(Gateway):
    """A gateway whose steps are spans, and whose jobs carry the request's trace to the workers."""

    def __init__(self, settings: ApiSettings, stores: Stores, tracer: Tracer) -> None:
        super().__init__(settings, stores)
        self._tracer = tracer

    def submit(
        self,
        kind: str,
        work: DistinctItems,
        caller: Caller,
        *,
        is_async: bool,
        idempotency: Idempotency | None = None,
    ) -> Accepted:
        caller = replace(caller, trace=self._tracer.carried())
        with self._tracer.span("admission"):
            return super().submit(kind, work, caller, is_async=is_async, idempotency=idempotency)

    def follow(self, accepted: Accepted, owner: str, seconds: float) -> Outcome:
        if accepted.recalled:
            return super().follow(accepted, owner, seconds)
        with self._tracer.span("wait"):
            return super().follow(accepted, owner, seconds)
