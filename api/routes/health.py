"""GET /healthz: the process is alive. GET /readyz: the service can serve a request.

GET /health is readiness as Infinity, vLLM and other services have it; /ping and /.well-known are
those of Immich and Weaviate.
"""

import time

from flask import Blueprint, Response
from redis.exceptions import RedisError

from api.answer.fleet import Health, HealthNow, Readiness, readiness
from api.dispatch.dispatcher import Dispatcher
from api.openapi.operation import Answer, Operation

ALIVE = Answer("The process is alive.", Health)
READY = Answer("The service is ready.", Readiness)
NOT_READY = Answer("The service is not ready.", Readiness, 503)
HEALTHY = Answer("The service is ready.", HealthNow)
NOT_HEALTHY = Answer("The service is not ready.", HealthNow, 503)

LIVE: Answer[None] = Answer("It is.", None, 204)
NOT_LIVE: Answer[None] = Answer("It is not.", None, 503)
PONG = Answer("It is.", str, media_type="text/plain")


def make_blueprint(dispatcher: Dispatcher) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    @Operation(
        "healthz",
        "Check that the API process is alive.",
        "For an orchestrator that restarts hanging processes; it asks neither Redis nor workers.",
        (ALIVE,),
    )
    def healthz() -> Response:
        return ALIVE.of(Health(status="ok"))

    @blueprint.get("/readyz")
    @Operation(
        "readyz",
        "Check that the service can answer requests.",
        "For a load balancer, and to see why requests are refused.",
        (READY, NOT_READY),
    )
    def readyz() -> Response:
        found = _readiness(dispatcher)
        return (READY if found.status == "ready" else NOT_READY).of(found)

    return blueprint


def make_probes(dispatcher: Dispatcher) -> Blueprint:
    """What clients of other services look at before they send anything, without a key."""
    blueprint = Blueprint("probes", __name__)

    @blueprint.get("/health")
    @Operation(
        "health",
        "Check readiness, as clients of other services do.",
        "For clients of Infinity, and for probes that were written for it or for vLLM.",
        (HEALTHY, NOT_HEALTHY),
    )
    def health() -> Response:
        status = _readiness(dispatcher).status
        answer = HEALTHY if status == "ready" else NOT_HEALTHY
        return answer.of(HealthNow(unix=time.time(), status=status))

    @blueprint.get("/.well-known/live")
    @Operation("weaviate_live", "Check that it lives, as Weaviate does.", "For Weaviate.", (LIVE,))
    def live() -> Response:
        return Response(status=204)

    @blueprint.get("/.well-known/ready")
    @Operation(
        "weaviate_ready",
        "Check readiness, as Weaviate does.",
        "For Weaviate, which begins when this is ready.",
        (LIVE, NOT_LIVE),
    )
    def ready() -> Response:
        return Response(status=204 if _readiness(dispatcher).status == "ready" else 503)

    @blueprint.get("/ping")
    @Operation("immich_ping", "Check that it lives, as Immich does.", "For Immich.", (PONG,))
    def ping() -> Response:
        return Response("pong", content_type=PONG.media_type)

    return blueprint


def _readiness(dispatcher: Dispatcher) -> Readiness:
    try:
        return readiness(dispatcher.models(), redis=True)
    except RedisError:
        return readiness([], redis=False)
