"""The Flask application, put together from the routes."""

import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import structlog
from flask import Flask, Response, g, request
from redis import Redis

from api import problem_details
from api.access import cors, proxies, rate_limits
from api.access.keys import Keyring
from api.dialects import registry
from api.dialects.dialect import Dialects
from api.dispatch import admission
from api.dispatch.dispatcher import Dispatcher
from api.openapi import document as openapi
from api.request.parameters import check_parameters
from api.routes import (
    docs,
    encode,
    health,
    jobs,
    label_sets,
    metrics,
    playground,
    rank,
    workers,
)
from api.settings import ApiSettings
from api.telemetry.metrics import ApiMetrics
from api.telemetry.request_metrics import RequestMetrics

Trace: TypeAlias = Callable[[Flask], None]

log = structlog.get_logger()

OFTEN_ASKED = (
    *("/health", "/healthz", "/readyz", "/metrics", "/ping"),
    *("/.well-known/live", "/.well-known/ready"),
)
REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


def create_app(
    settings: ApiSettings, dispatcher: Dispatcher, redis: Redis, measured: ApiMetrics, trace: Trace
) -> Flask:
    """Make the application; `trace` may add hooks, which run after the request id is set."""
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.register_blueprint(rank.make_blueprint(dispatcher, settings))
    app.register_blueprint(encode.make_blueprint(dispatcher, settings))
    app.register_blueprint(jobs.make_blueprint(dispatcher, settings))
    app.register_blueprint(label_sets.make_blueprint(dispatcher, settings))
    app.register_blueprint(workers.make_blueprint(dispatcher))
    app.register_blueprint(health.make_blueprint(dispatcher))
    app.register_blueprint(health.make_probes(dispatcher))
    app.register_blueprint(metrics.make_blueprint(measured.registry))
    app.register_blueprint(docs.make_blueprint(settings))
    app.register_blueprint(playground.make_blueprint(settings))
    dialects = registry.register(app, dispatcher, settings)
    app.extensions["openapi"] = openapi.document(app, settings)
    problem_details.register(app)
    app.before_request(_begin_request)
    admission.register(app, settings.api_threads)
    app.after_request(partial(_end_request, measured.requests, dialects))
    # Runs before the former: what is counted is the status that is sent.
    app.after_request(dialects.translate)
    trace(app)
    _guard(app, settings, redis)
    return app


def _guard(app: Flask, settings: ApiSettings, redis: Redis) -> None:
    """Register CORS, API keys, rate limits and the check of query parameters."""
    if settings.trusted_proxies:
        proxies.trust(app, settings.trusted_proxies)
    if settings.cors_origins:
        cors.register(app, settings.cors_origins)
    keyring = Keyring(settings.accepted_keys)
    # A request with a wrong key counts before it is refused: guessing keys is limited too.
    app.before_request(keyring.identify)
    if settings.rate_limit:
        rate_limits.register(app, settings.rate_limit, redis, settings.keys)
    app.before_request(keyring.check)
    app.before_request(check_parameters)


def _begin_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end_request(counted: RequestMetrics, dialects: Dialects, response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "job" in g:
        response.headers["X-Job-Id"] = g.job
    if "job" in g or "cached" in g:
        response.vary.add("Prefer")
    rule = request.url_rule.rule if request.url_rule else None
    seconds = time.monotonic() - g.started
    problem = response.problem if isinstance(response, problem_details.ProblemResponse) else None
    dialect = dialects.of_request()
    counted.count(
        rule,
        response.status_code,
        seconds,
        error=problem.code if problem else None,
        cached=g.get("cached"),
        dialect=dialect.name if dialect else "",
    )
    write = log.debug if rule in OFTEN_ASKED else log.info
    write(
        "request",
        method=request.method,
        route=rule,
        status=response.status_code,
        seconds=round(seconds, 4),
        job=g.get("job"),
        owner=g.get("owner") or None,
    )
    return response
