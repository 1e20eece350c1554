"""Cohere's POST /v2/embed, and /v1/embed of its earlier client."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter

from api.dialects.dialect import Dialect, message_of, request_id
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.fields import Whole
from api.dialects.operation import embedding_operation
from api.dialects.parts import Part, image_part, invalid, parts_of, string_part
from api.dialects.vectors import ENCODINGS, Encoding, encoded, named
from api.problem_details import Problem

KINDS = ("texts", "images", "inputs")
Version: TypeAlias = Literal["1", "2"]
ONLY_ONE = "must have exactly one of texts, images and inputs"


class CohereError(BaseModel):
    """The shape of Cohere's errors."""

    id: str
    message: str


def error_of(problem: Problem) -> CohereError:
    return CohereError(id=request_id(), message=message_of(problem))


DIALECT = Dialect("cohere", error_of, CohereError, prefixes=("/v2/",))


class CohereRequest(BaseModel):
    """Texts, images or inputs with several parts; other keys are ignored."""

    model_config = ConfigDict(frozen=True)

    texts: list[Any] | None = Field(
        default=None, description="texts, and data URIs of images", examples=[["a cat"]]
    )
    images: list[Any] | None = Field(
        default=None, description="images as data URIs, URLs or base64"
    )
    inputs: list[Any] | None = Field(
        default=None,
        description='in place of both: `[{"content": [{"type": "text", "text": …}, '
        '{"type": "image_url", "image_url": {"url": …}}]}]`; one vector for each',
    )
    model: str | None = Field(
        default=None, description="one that `GET /v1/models` lists; the default if absent"
    )
    embedding_types: list[str] | None = Field(
        default=None,
        description=f"some of {', '.join(ENCODINGS)}; if absent, `/v2/embed` answers "
        "with `float`, and `/v1/embed` with plain lists of floats",
    )
    output_dimension: Whole | None = Field(
        default=None, description="the first of them only, for models in `CLIP_MATRYOSHKA_MODELS`"
    )
    truncate: str | None = Field(
        default=None,
        description="`NONE`: a text that is too long for the model is an error; else its start is "
        "embedded",
    )


class CohereVectors(BaseModel):
    """The same vectors in each of the types that were wanted."""

    floats: list[list[float]] | None = Field(default=None, alias="float")
    base64: list[str] | None = Field(default=None, description="of little-endian float32")
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


class CohereVersion(BaseModel):
    """The version of Cohere's interface."""

    version: Version


class CohereUnits(BaseModel):
    """What was embedded."""

    input_tokens: int
    images: int


class CohereMeta(BaseModel):
    """About the request."""

    api_version: CohereVersion
    billed_units: CohereUnits


class CohereAnswer(BaseModel):
    """What all answers have."""

    id: str
    texts: list[str]
    images: list[dict[str, Any]] = Field(description="always empty")
    meta: CohereMeta


class CohereEmbeddings(CohereAnswer):
    """A vector for each input, in order."""

    response_type: Literal["embeddings_by_type"]
    embeddings: CohereVectors


class CohereFloats(CohereAnswer):
    """The answer of version 1 without `embedding_types`: plain lists of floats."""

    response_type: Literal["embeddings_floats"]
    embeddings: list[list[float]]


class CohereAnswerV1(RootModel[CohereEmbeddings | CohereFloats]):
    """A vector for each input, in order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to embed, and how to answer; without `encodings`, with plain lists of floats."""

    request: EmbeddingRequest
    version: Version
    encodings: list[Encoding]
    texts: list[str]


BODY: TypeAdapter[CohereRequest] = TypeAdapter(CohereRequest)
EMBED = embedding_operation(
    DIALECT,
    "cohere_embed",
    (
        "Embed texts and images, as Cohere does.",
        "For clients of Cohere: their base URL is that of this service.",
    ),
    ("Vectors of length 1.", CohereEmbeddings),
    BODY,
)
EMBED_V1 = embedding_operation(
    DIALECT,
    "cohere_embed_v1",
    (
        "Embed texts and images, as Cohere's version 1 does.",
        "For Cohere's `Client`, which LangChain's `CohereEmbeddings` has.",
    ),
    ("Vectors of length 1.", CohereAnswerV1),
    BODY,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/v2/embed")
    @EMBED
    def embed() -> Response:
        return _embed(embedder, "2")

    @blueprint.post("/v1/embed")
    @EMBED_V1
    def embed_v1() -> Response:
        return _embed(embedder, "1")

    return blueprint


def _embed(embedder: Embedder, version: Version) -> Response:
    wanted = _read(embedder, version)
    return _answer(embedder.embed(wanted.request), wanted)


def _read(embedder: Embedder, version: Version) -> Wanted:
    """Read the request; in its own function, so that the body is freed before the wait."""
    body = embedder.read(BODY)
    types = body.embedding_types or (["float"] if version == "2" else [])
    options = Options(
        dimensions=body.output_dimension,
        dimensions_key="output_dimension",
        truncate=_truncates(body.truncate),
    )
    kind, vectors = _vectors(body)
    request = embedder.request(vectors, body.model, pointer=f"/{kind}", options=options)
    return Wanted(request, version, _encodings(types), body.texts or [])


def _vectors(body: CohereRequest) -> tuple[str, list[list[Part]]]:
    """The key that has the inputs, and the parts of each."""
    given = [kind for kind in KINDS if getattr(body, kind)]
    if len(given) != 1:
        raise invalid("", "ambiguous_input" if given else "too_few", ONLY_ONE)
    [kind] = given
    placed = [(each, f"/{kind}/{n}") for n, each in enumerate(getattr(body, kind))]
    match kind:
        case "texts":
            return kind, [[string_part(*each)] for each in placed]
        case "images":
            return kind, [[image_part(*each)] for each in placed]
        case _:
            return kind, [parts_of(*each) for each in placed]


def _truncates(given: str | None) -> bool:
    match (given or "END").upper():
        case "NONE":
            return False
        case "START" | "END":
            return True
    raise invalid("/truncate", "unknown_value", "must be NONE, START or END")


def _encodings(names: list[str]) -> list[Encoding]:
    wanted = {named(name, ENCODINGS, f"/embedding_types/{n}") for n, name in enumerate(names)}
    return [each for each in ENCODINGS if each in wanted]


def _answer(made: Embeddings, wanted: Wanted) -> Response:
    units = {"input_tokens": sum(made.tokens), "images": made.images}
    vectors: object
    if wanted.encodings:
        kind = "embeddings_by_type"
        vectors = {each: encoded(made.vectors, each) for each in wanted.encodings}
    else:
        kind, vectors = "embeddings_floats", encoded(made.vectors, "float")
    return made.response(
        {
            "id": request_id(),
            "response_type": kind,
            "embeddings": vectors,
            "texts": wanted.texts,
            "images": [],
            "meta": {"api_version": {"version": wanted.version}, "billed_units": units},
        }
    )
