"""GET /v1/models: the models, by all their names."""

from typing import Literal

from flask import Blueprint, Response
from pydantic import BaseModel

from api.answer.fleet import created
from api.dialects.embedding import Embedder
from api.dialects.openai.errors import DIALECT
from api.dispatch.models import START_A_WORKER, ServedModel, not_served
from api.errors import ItemFault, NoWorker, UnknownModel
from api.openapi.operation import Answer, Operation


class OpenAIModel(BaseModel):
    """A model, or an alias of one."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["clip-api"]


class OpenAIModels(BaseModel):
    """The models that requests may name."""

    object: Literal["list"]
    data: list[OpenAIModel]


MODELS = Answer("The models, then their aliases.", OpenAIModels)
MODEL = Answer("The model.", OpenAIModel)


def add_routes(blueprint: Blueprint, embedder: Embedder) -> None:
    @blueprint.get("/v1/models")
    @Operation(
        "openai_models",
        "List the models as OpenAI does.",
        "For clients of OpenAI that choose a model from a list.",
        (MODELS,),
        dialect=DIALECT,
    )
    def models() -> Response:
        return MODELS.of(OpenAIModels(object="list", data=[*map(_model, embedder.models())]))

    @blueprint.get("/v1/models/<path:model>")
    @Operation(
        "openai_model",
        "Get one model as OpenAI does.",
        "For clients of OpenAI that check whether a model is there.",
        (MODEL,),
        errors=(UnknownModel, NoWorker),
        dialect=DIALECT,
    )
    def model(model: str) -> Response:
        found = embedder.models()
        for served in found:
            if served.name == model:
                return MODEL.of(_model(served))
        if not found:
            raise NoWorker(START_A_WORKER)
        detail = f"{not_served(model)}; `GET /v1/models` lists those that are"
        raise UnknownModel([ItemFault("/model", UnknownModel.code, detail)])


def _model(served: ServedModel) -> OpenAIModel:
    return OpenAIModel(id=served.name, object="model", created=created(served), owned_by="clip-api")
