"""The inputs of a request for embeddings: strings, objects, or vLLM's messages."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from api.dialects.fields import Whole, fault_of_any
from api.dialects.parts import Part, image_part, invalid, parts_of, text_part
from api.dialects.vectors import ENCODINGS, Encoding, dtype_named, named, one_of

Vector: TypeAlias = list[Part]
Modality: TypeAlias = Literal["text", "image"] | None
INPUT, MESSAGES = "/input", "/messages"
WITH_TEXTS = "in langchain-openai set check_embedding_ctx_length=False"
TOKENS = f"is a list of token ids, and this service takes texts; {WITH_TEXTS}"
TOO_MANY = f"if they are token ids, send texts instead; {WITH_TEXTS}"
EncodingName: TypeAlias = Annotated[
    str | list[str] | None, fault_of_any("unknown_value", one_of(ENCODINGS))
]


class EmbeddingsRequest(BaseModel):
    """A request for embeddings; other keys are ignored, and `null` is as if absent."""

    model_config = ConfigDict(frozen=True)

    input: Any = Field(
        default=None,
        description="a text, the data URI of an image, an object, or a list of them: "
        '`{"text": …}`, `{"image": a URL, data URI or base64}`, '
        '`{"type": "image_url", "image_url": {"url": …}}`, `{"content": [several of them]}`',
        examples=[["a cat", {"image": "https://example.org/cat.png"}]],
    )
    messages: list[Any] | None = Field(
        default=None,
        description="in place of `input`, as in vLLM: one vector of the whole conversation; "
        "a list of conversations gives one for each",
    )
    model: str | None = Field(
        default=None, description="one that `GET /v1/models` lists; the default if absent"
    )
    modality: str | None = Field(
        default=None,
        description="what all strings are: `text`, or `image`, as URL, data URI or base64; if "
        "absent, data URIs of images are images and all other strings are texts",
        examples=["image"],
    )
    encoding_format: EncodingName = Field(
        default=None,
        description="`float` (default), `base64`, `binary`, `ubinary`, `int8`, `uint8`",
    )
    embedding_type: EncodingName = Field(default=None, description="the same, as Jina calls it")
    encoding_type: EncodingName = Field(default=None, description="the same, in LlamaIndex")
    dimensions: Whole | None = Field(
        default=None, description="the first of them only, for models in `CLIP_MATRYOSHKA_MODELS`"
    )
    output_dtype: str | None = Field(
        default=None, description="what the numbers are, as Voyage calls it; also within `base64`"
    )
    output_dimension: Whole | None = Field(default=None, description="`dimensions` of Voyage")
    truncation: bool | None = Field(
        default=None,
        description="`false`: a text that is too long for the model is an error, as Voyage has it",
    )
    normalized: bool | None = Field(
        default=None, description="`false`: not scaled to length 1, as Jina has it"
    )


def encoding_of(body: EmbeddingsRequest) -> tuple[Encoding, bool]:
    """How to write the vectors, and whether bytes of that in base64. Raises InvalidRequest."""
    encoding, dtype = _encoding(body), dtype_named(body.output_dtype)
    return (encoding, False) if dtype == "float" else (dtype, encoding == "base64")


def _encoding(body: EmbeddingsRequest) -> Encoding:
    """Named by any of three keys."""
    for key in ("encoding_format", "embedding_type", "encoding_type"):
        match getattr(body, key):
            case None | "" | []:
                continue
            case [given] | given:
                pass
        return named(given, ENCODINGS, f"/{key}")
    return "float"


def vectors_of(body: EmbeddingsRequest, modality: str | None = None) -> list[Vector]:
    """The parts of each vector; `modality` is the default of the route.

    Raises:
        InvalidRequest: an input has none of the known forms.
    """
    if body.input is None and body.messages is not None:
        return _conversations(body.messages)
    if body.input is None:
        raise invalid(INPUT, "missing", "is missing")
    kind = _modality(body.modality or modality)
    if not isinstance(body.input, list):
        return [_vector(body.input, INPUT, kind)]
    if body.input and all(isinstance(each, int) for each in body.input):
        raise invalid(INPUT, "token_ids", TOKENS)
    return [_vector(each, f"{INPUT}/{n}", kind) for n, each in enumerate(body.input)]


def _modality(given: str | None) -> Modality:
    match given:
        case None:
            return None
        case "text" | "image":
            return given
    raise invalid("/modality", "unsupported", "must be text or image")


def _vector(given: object, where: str, modality: Modality) -> Vector:
    if isinstance(given, str) and modality:
        return [image_part(given, where) if modality == "image" else text_part(given, where)]
    if isinstance(given, list):
        is_tokens = all(isinstance(each, int) for each in given)
        raise invalid(
            where,
            "token_ids" if is_tokens else "wrong_type",
            TOKENS if is_tokens else "must be a string or an object",
        )
    return parts_of(given, where)


def _conversations(messages: list[Any]) -> list[Vector]:
    if messages and all(isinstance(each, list) for each in messages):
        return [_conversation(each, f"{MESSAGES}/{n}") for n, each in enumerate(messages)]
    return [_conversation(messages, MESSAGES)]


def _conversation(messages: list[Any], where: str) -> Vector:
    """All that the user says is one vector."""
    parts = []
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise invalid(f"{where}/{number}", "wrong_type", "must be a message, an object")
        if (message.get("role") or "user") == "user":
            parts += parts_of(message, f"{where}/{number}")
    if not parts:
        raise invalid(where, "too_few", "needs at least one message of the user")
    return parts
