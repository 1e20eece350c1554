"""The application: the only place that knows all routes."""

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

from api import errors, openapi
from api.gateway import Gateway
from api.routes import docs, encode, health, jobs, rank, workers
from api.settings import ApiSettings

log = structlog.get_logger()
REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


def create_app(settings: ApiSettings, gateway: Gateway) -> Flask:
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.strict_slashes = False
    app.register_blueprint(rank.make_blueprint(gateway, settings))
    app.register_blueprint(encode.make_blueprint(gateway, settings))
    app.register_blueprint(jobs.make_blueprint(gateway, settings))
    app.register_blueprint(workers.make_blueprint(gateway))
    app.register_blueprint(health.make_blueprint(gateway))
    app.register_blueprint(docs.make_blueprint(openapi.document(settings)))
    errors.register(app)
    app.before_request(_begin_request)
    app.after_request(_end_request)
    return app


def _begin_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    if "job" in g:
        response.headers["X-Job-Id"] = g.job
        response.vary.add("Prefer")
    rule = request.url_rule.rule if request.url_rule else None
    write = log.debug if rule in ("/healthz", "/readyz") else log.info
    write(
        "request",
        method=request.method,
        route=rule,
        status=response.status_code,
        seconds=round(time.monotonic() - g.started, 4),
        job=g.get("job"),
    )
    return response
