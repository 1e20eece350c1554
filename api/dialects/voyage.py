"""Voyage's POST /v1/multimodalembeddings."""

from typing import Any, Literal

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from api.dialects.dialect import Dialect, message_of
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.fields import Whole
from api.dialects.operation import embedding_operation
from api.dialects.parts import invalid, parts_of
from api.dialects.vectors import DTYPES, Encoding, dtype_named, embedding_objects
from api.problem_details import Problem


class VoyageError(BaseModel):
    """The shape of Voyage's errors."""

    detail: str


def error_of(problem: Problem) -> VoyageError:
    return VoyageError(detail=message_of(problem))


DIALECT = Dialect("voyage", error_of, VoyageError)


class VoyageRequest(BaseModel):
    """Inputs of texts and images; other keys are ignored, and `null` is as if absent."""

    model_config = ConfigDict(frozen=True)

    inputs: list[Any] | None = Field(
        default=None,
        description='one vector for each: `[{"content": [{"type": "text", "text": …}, '
        '{"type": "image_url", "image_url": …}, {"type": "image_base64", "image_base64": …}]}]`',
    )
    model: str | None = Field(
        default=None, description="one that `GET /v1/models` lists; the default if absent"
    )
    truncation: bool | None = Field(
        default=None, description="`false`: a text that is too long for the model is an error"
    )
    output_dtype: str | None = Field(
        default=None, description=f"one of {', '.join(DTYPES)}; `float` by default"
    )
    output_dimension: Whole | None = Field(
        default=None, description="the first of them only, for models in `CLIP_MATRYOSHKA_MODELS`"
    )
    encoding_format: str | None = Field(
        default=None, description="`base64`: of the bytes of the numbers; else lists of numbers"
    )


class VoyageEmbedding(BaseModel):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class VoyageUsage(BaseModel):
    """The tokens of the texts. Pixels are not counted."""

    text_tokens: int
    image_pixels: Literal[0]
    video_pixels: Literal[0]
    total_tokens: int


class VoyageEmbeddings(BaseModel):
    """A vector for each input, in order."""

    object: Literal["list"]
    data: list[VoyageEmbedding]
    model: str
    usage: VoyageUsage


BODY: TypeAdapter[VoyageRequest] = TypeAdapter(VoyageRequest)
EMBED = embedding_operation(
    DIALECT,
    "voyage_multimodal_embeddings",
    (
        "Embed texts and images, as Voyage does.",
        "For clients of Voyage: their base URL is that of this service with `/v1`.",
    ),
    ("Vectors of length 1.", VoyageEmbeddings),
    BODY,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/v1/multimodalembeddings")
    @EMBED
    def multimodal_embeddings() -> Response:
        wanted, dtype, is_base64 = _read(embedder)
        return _answer(embedder.embed(wanted), dtype, is_base64=is_base64)

    return blueprint


def _read(embedder: Embedder) -> tuple[EmbeddingRequest, Encoding, bool]:
    """Read the request; in its own function, so that the body is freed before the wait."""
    body = embedder.read(BODY)
    dtype = dtype_named(body.output_dtype)
    if body.encoding_format not in (None, "base64"):
        raise invalid("/encoding_format", "unknown_value", "must be base64 or null")
    wanted = embedder.request(
        [parts_of(each, f"/inputs/{n}") for n, each in enumerate(body.inputs or ())],
        body.model,
        pointer="/inputs",
        options=Options(
            dimensions=body.output_dimension,
            dimensions_key="output_dimension",
            truncate=body.truncation is not False,
        ),
    )
    return wanted, dtype, body.encoding_format is not None


def _answer(made: Embeddings, dtype: Encoding, *, is_base64: bool) -> Response:
    tokens = sum(made.tokens)
    return made.response(
        {
            "object": "list",
            "data": embedding_objects(made.vectors, dtype, is_base64=is_base64),
            "model": made.model.name,
            "usage": {
                "text_tokens": tokens,
                "image_pixels": 0,
                "video_pixels": 0,
                "total_tokens": tokens,
            },
        }
    )
