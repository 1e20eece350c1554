"""Immich's machine learning, as far as it is CLIP: POST /predict."""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response
from pydantic import BaseModel, Field

from api.dialects.dialect import Dialect, PlainError, plain_error
from api.dialects.embedding import Embedder, EmbeddingRequest
from api.dialects.operation import ON_EMBEDDINGS
from api.dialects.parts import Part, invalid, text_part
from api.dialects.vectors import encoded
from api.errors import BrokenForm, UnknownModel
from api.openapi.operation import Answer, Operation
from api.openapi.submissions import ON_BODY, ON_JOB
from api.request.schemas import Item

DIALECT = Dialect("immich", plain_error, PlainError)
MAX_PARTS = 4
MAX_ENTRIES_BYTES = 10_000
TASK, MODEL = "clip", "modelName"
SIDES = {"visual": "image", "textual": "text"}
"""The field of the form that each side of CLIP reads."""
ONE_TASK = "must have the task clip, visual or textual: there is no other here"


class ImmichPrediction(BaseModel):
    """The vector, of length 1, as JSON in a string."""

    clip: str = Field(examples=["[0.0187,-0.0362]"])


PREDICTED = Answer("The vector.", ImmichPrediction, headers=ON_EMBEDDINGS)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/predict")
    @Operation(
        "immich_predict",
        "Embed a text or an image, as Immich asks.",
        "For Immich's smart search: add the URL of this service to its machine learning URLs. "
        "Faces and text in images are for others.",
        (PREDICTED,),
        errors=(*ON_BODY, BrokenForm, UnknownModel, *ON_JOB),
        form="ImmichForm",
        dialect=DIALECT,
    )
    def predict() -> Response:
        made = embedder.embed(_read(embedder))
        [row] = encoded(made.vectors, "float")
        return made.response(
            {"clip": orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY).decode()}
        )

    return blueprint


def _read(embedder: Embedder) -> EmbeddingRequest:
    """Read the request; in its own function, so that the body is freed before the wait."""
    fields = {part.name: part.content for part in embedder.read_form(MAX_PARTS)}
    side, model = _task(fields.get("entries", b""))
    name = SIDES[side]
    where = f"/{name}"
    if name not in fields:
        raise invalid(where, "missing", "is missing")
    content = fields[name]
    if side == "visual":
        part = Part(Item(img_blob=content), where)
    else:
        part = text_part(content.decode("utf-8", "replace"), where)
    return embedder.request([[part]], model, model_pointer=_model_pointer(side))


def _task(entries: bytes) -> tuple[str, str | None]:
    """Which side of CLIP is wanted, and the name of its model."""
    where = "/entries"
    if len(entries) > MAX_ENTRIES_BYTES:
        raise invalid(where, "too_large", f"has more than {MAX_ENTRIES_BYTES} bytes")
    try:
        tasks = orjson.loads(entries)
    except orjson.JSONDecodeError:
        raise invalid(where, "not_json", "must be JSON") from None
    if not isinstance(tasks, Mapping) or set(tasks) != {TASK}:
        raise invalid(where, "unsupported", ONE_TASK)
    sides: Any = tasks[TASK]
    if not isinstance(sides, Mapping) or len(sides) != 1 or not set(sides) <= set(SIDES):
        raise invalid(where, "unsupported", ONE_TASK)
    [(side, options)] = sides.items()
    if not isinstance(options, Mapping):
        raise invalid(where, "unsupported", ONE_TASK)
    model = options.get(MODEL)
    if model is not None and not isinstance(model, str):
        raise invalid(_model_pointer(side), "wrong_type", "must be a string")
    return side, model


def _model_pointer(side: str) -> str:
    return f"/entries/{TASK}/{side}/{MODEL}"
