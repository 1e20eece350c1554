"""Weaviate's multi2vec-clip: it asks an inference container for the vectors of each object."""

from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from api.answer.fleet import models
from api.dialects.dialect import JSON, Dialect, PlainError, plain_error
from api.dialects.embedding import Embedder, EmbeddingRequest
from api.dialects.operation import embedding_operation
from api.dialects.parts import image_part, text_part
from api.dialects.vectors import encoded
from api.openapi.operation import Answer, Operation

NOTHING = b'{"textVectors":[],"imageVectors":[]}\n'
DIALECT = Dialect("weaviate", plain_error, PlainError)


class WeaviateRequest(BaseModel):
    """The texts and images of an object; either may be empty or null."""

    model_config = ConfigDict(frozen=True)

    texts: list[Any] | None = Field(default=None, description="texts", examples=[["a cat"]])
    images: list[Any] | None = Field(default=None, description="images in base64")


class WeaviateVectors(BaseModel):
    """Vectors of length 1, in order."""

    text_vectors: list[list[float]] = Field(alias="textVectors")
    image_vectors: list[list[float]] = Field(alias="imageVectors")


class WeaviateMeta(BaseModel):
    """The default model; null if no live worker serves it."""

    model: str | None
    revision: str | None
    family: str | None
    dimension: int | None


BODY: TypeAdapter[WeaviateRequest] = TypeAdapter(WeaviateRequest)
META = Answer("The model.", WeaviateMeta)
VECTORIZE = embedding_operation(
    DIALECT,
    "weaviate_vectorize",
    (
        "Embed texts and images, as Weaviate's module multi2vec-clip asks.",
        "For Weaviate, whose `CLIP_INFERENCE_API` is the URL of this service.",
    ),
    ("The vectors.", WeaviateVectors),
    BODY,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/vectorize")
    @VECTORIZE
    def vectorize() -> Response:
        texts, wanted = _read(embedder)
        if wanted is None:
            return Response(NOTHING, content_type=JSON)
        made = embedder.embed(wanted)
        rows = encoded(made.vectors, "float")
        return made.response({"textVectors": rows[:texts], "imageVectors": rows[texts:]})

    @blueprint.get("/meta")
    @Operation(
        "weaviate_meta",
        "Get the model, as Weaviate asks.",
        "For Weaviate, which shows it as a part of its own metadata.",
        (META,),
        dialect=DIALECT,
    )
    def meta() -> Response:
        served = [each for each in embedder.models() if each.is_default]
        found = models(served[:1]).models
        model = found[0] if found else None
        return META.of(
            WeaviateMeta(
                model=model.name if model else None,
                revision=model.revision if model else None,
                family=model.family if model else None,
                dimension=model.dimension if model else None,
            )
        )

    return blueprint


def _read(embedder: Embedder) -> tuple[int, EmbeddingRequest | None]:
    """The number of texts, and the request; None if there is nothing to embed."""
    body = embedder.read(BODY)
    texts, images = body.texts or [], body.images or []
    vectors = [[text_part(each, f"/texts/{n}")] for n, each in enumerate(texts)]
    vectors += [[image_part(each, f"/images/{n}")] for n, each in enumerate(images)]
    return len(texts), embedder.request(vectors, None) if vectors else None
