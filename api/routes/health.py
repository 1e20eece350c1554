"""GET /healthz: the process is alive. GET /readyz: the service can serve a request."""

from flask import Blueprint, Response
from redis.exceptions import RedisError

from api.answer.fleet import Health, Readiness, readiness
from api.dispatch.dispatcher import Dispatcher
from api.openapi.operation import Answer, Operation

ALIVE = Answer("The process is alive.", Health)
READY = Answer("The service is ready.", Readiness)
NOT_READY = Answer("The service is not ready.", Readiness, 503)


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
        try:
            found = readiness(dispatcher.models(), redis=True)
        except RedisError:
            found = readiness([], redis=False)
        return (READY if found.status == "ready" else NOT_READY).of(found)

    return blueprint
