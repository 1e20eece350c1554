"""POST /v1/embeddings and its other names."""

import secrets
import time
from typing import Literal

from flask import Blueprint, Response
from pydantic import BaseModel, Field, TypeAdapter

from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.openai.errors import DIALECT
from api.dialects.openai.inputs import (
    INPUT,
    MESSAGES,
    TOO_MANY,
    EmbeddingsRequest,
    encoding_of,
    vectors_of,
)
from api.dialects.openai.models import add_routes
from api.dialects.operation import embedding_operation
from api.dialects.vectors import Encoding, embedding_objects
from api.errors import TooManyValues

__all__ = ["DIALECT", "make_blueprint"]

BODY: TypeAdapter[EmbeddingsRequest] = TypeAdapter(EmbeddingsRequest)


class OpenAIEmbedding(BaseModel):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str = Field(
        description="numbers, or with `base64` those of little-endian float32"
    )


class OpenAIUsage(BaseModel):
    """The tokens of the texts; images have none."""

    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(BaseModel):
    """A vector for each input, in order."""

    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[OpenAIEmbedding]
    usage: OpenAIUsage


ENCODED = ("A vector of length 1 for each input.", OpenAIEmbeddings)
EMBEDDINGS = embedding_operation(
    DIALECT,
    "openai_embeddings",
    (
        "Embed texts and images, as OpenAI does for texts.",
        "For clients of OpenAI, vLLM and Jina: their base URL is that of this service with `/v1`.",
    ),
    ENCODED,
    BODY,
)
INFINITY = embedding_operation(
    DIALECT,
    "infinity_embeddings",
    (
        "Embed texts and images, as Infinity does.",
        "For clients of Infinity, whose base URL has no `/v1`.",
    ),
    ENCODED,
    BODY,
)
INFINITY_IMAGES = embedding_operation(
    DIALECT,
    "infinity_image_embeddings",
    (
        "Embed images, as early releases of Infinity do.",
        "For clients of Infinity that know no `modality`: strings are images.",
    ),
    ENCODED,
    BODY,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/v1/embeddings")
    @EMBEDDINGS
    def embeddings() -> Response:
        return _embeddings(embedder, None)

    @blueprint.post("/embeddings")
    @INFINITY
    def infinity() -> Response:
        return _embeddings(embedder, None)

    @blueprint.post("/embeddings_image")
    @INFINITY_IMAGES
    def infinity_images() -> Response:
        return _embeddings(embedder, "image")

    add_routes(blueprint, embedder)
    return blueprint


def _embeddings(embedder: Embedder, modality: str | None) -> Response:
    wanted, encoding, is_base64 = _read(embedder, modality)
    return _answer(embedder.embed(wanted), encoding, is_base64=is_base64)


def _read(embedder: Embedder, modality: str | None) -> tuple[EmbeddingRequest, Encoding, bool]:
    """Read the request; in its own function, so that the body is freed before the wait."""
    try:
        body = embedder.read(BODY)
    except TooManyValues:
        raise TooManyValues(TOO_MANY) from None
    encoding, is_base64 = encoding_of(body)
    # Numbers of bytes are those of unit vectors: others would not fit.
    is_unit = body.normalized is not False or encoding not in ("float", "base64")
    wanted = embedder.request(
        vectors_of(body, modality),
        body.model,
        pointer=INPUT if body.input is not None else MESSAGES,
        options=_options(body, is_unit=is_unit),
    )
    return wanted, encoding, is_base64


def _options(body: EmbeddingsRequest, *, is_unit: bool) -> Options:
    return Options(
        normalise=is_unit,
        dimensions=body.dimensions or body.output_dimension,
        dimensions_key="dimensions" if body.dimensions else "output_dimension",
        truncate=body.truncation is not False,
    )


def _answer(made: Embeddings, encoding: Encoding, *, is_base64: bool) -> Response:
    tokens = sum(made.tokens)
    return made.response(
        {
            "id": f"embd-{secrets.token_hex(12)}",
            "object": "list",
            "created": int(time.time()),
            "model": made.model.name,
            "data": embedding_objects(made.vectors, encoding, is_base64=is_base64),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )
