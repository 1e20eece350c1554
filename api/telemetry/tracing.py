"""A span for each request and for the dispatcher's steps. Loaded only if CLIP_TRACING is on."""

from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus

from celery import Celery
from flask import Flask, Response, g, request
from opentelemetry.trace import StatusCode

from api.answer.results import Outcome
from api.dispatch.dispatcher import Accepted, Dispatcher, ResolvedRequest, Stores
from api.request.request import Request
from api.settings import ApiSettings
from common.telemetry.tracing import Tracer

NOT_TRACED = {"/health", "/healthz", "/readyz", "/metrics"}


def register(app: Flask, tracer: Tracer) -> None:
    """Trace all requests but those of health checks and monitoring."""

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

    def annotate(response: Response) -> Response:
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
    app.after_request(annotate)
    app.teardown_request(end)


class TracedDispatcher(Dispatcher):
    """A dispatcher whose steps are spans, and whose jobs carry the trace to the workers."""

    def __init__(self, settings: ApiSettings, stores: Stores, app: Celery, tracer: Tracer) -> None:
        super().__init__(settings, stores, app)
        self._tracer = tracer

    def resolve(self, request: Request) -> ResolvedRequest:
        return super().resolve(replace(request, trace=self._tracer.carried()))

    def submit(self, resolved: ResolvedRequest) -> Accepted:
        with self._tracer.span("admission"):
            return super().submit(resolved)

    def follow(self, accepted: Accepted, owner: str, deadline: float) -> Outcome:
        with self._tracer.span("wait"):
            return super().follow(accepted, owner, deadline)
