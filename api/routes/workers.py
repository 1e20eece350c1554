"""GET /workers: the live workers. GET /models: the models that requests may choose."""

from flask import Blueprint, Response

from api.answer import fleet
from api.dispatch.dispatcher import Dispatcher
from api.openapi.operation import Answer, Operation

WORKERS = Answer("The live workers.", fleet.Workers)
MODELS = Answer("The models that requests may choose.", fleet.Models)


def make_blueprint(dispatcher: Dispatcher) -> Blueprint:
    blueprint = Blueprint("workers", __name__)

    @blueprint.get("/workers")
    @Operation(
        "workers",
        "List the live workers.",
        "To see what serves requests now, how busy it is, and how fast.",
        (WORKERS,),
    )
    def workers() -> Response:
        return WORKERS.of(fleet.workers(dispatcher.live_workers()))

    @blueprint.get("/models")
    @Operation(
        "models",
        "List the models that requests may choose.",
        "To choose a `model` by its family, size of embeddings and image resolution.",
        (MODELS,),
    )
    def models() -> Response:
        return MODELS.of(fleet.models(dispatcher.models()))

    return blueprint
