"""Roboflow's CLIP: /clip/embed_text, /clip/embed_image and /clip/compare."""

import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from api.answer.scoring import cosine_similarities
from api.dialects.dialect import Dialect, message_of
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings
from api.dialects.operation import embedding_operation
from api.dialects.parts import Part, image_part, invalid, text_part
from api.dialects.vectors import encoded
from api.problem_details import Problem
from api.request.validation import MAX_KEY_CHARS, pointer_to


class RoboflowError(BaseModel):
    """The shape of Roboflow's errors."""

    message: str


def error_of(problem: Problem) -> RoboflowError:
    return RoboflowError(message=message_of(problem))


DIALECT = Dialect("roboflow", error_of, RoboflowError, prefixes=("/clip/",))


class OfVersion(BaseModel):
    """What all requests have; other keys are ignored."""

    model_config = ConfigDict(frozen=True)

    clip_version_id: str | None = Field(
        default=None, description="a model, or an alias of one; the default if absent"
    )


class RoboflowTexts(OfVersion):
    """Texts to embed."""

    text: Any = Field(default=None, description="a text, or a list of them", examples=["a cat"])


class RoboflowImages(OfVersion):
    """Images to embed."""

    image: Any = Field(
        default=None,
        description='`{"type": "base64" or "url", "value": …}`, or a list of them',
    )


class RoboflowComparison(OfVersion):
    """A subject and what it is compared with."""

    subject: Any = Field(default=None, description="an image, or a text")
    subject_type: str | None = Field(default=None, description="`image` (default) or `text`")
    prompt: Any = Field(default=None, description="one, a list, or an object with names")
    prompt_type: str | None = Field(default=None, description="`text` (default) or `image`")


class RoboflowEmbeddings(BaseModel):
    """Vectors of length 1, in order."""

    embeddings: list[list[float]]
    frame_id: None = Field(description="always null: Roboflow's client reads it")
    time: float = Field(description="seconds")


class RoboflowSimilarity(BaseModel):
    """The cosine similarity of each prompt, by name if they have names."""

    similarity: list[float] | dict[str, float]
    time: float = Field(description="seconds")


TEXTS: TypeAdapter[RoboflowTexts] = TypeAdapter(RoboflowTexts)
IMAGES: TypeAdapter[RoboflowImages] = TypeAdapter(RoboflowImages)
COMPARISON: TypeAdapter[RoboflowComparison] = TypeAdapter(RoboflowComparison)
EMBEDDED = ("The vectors.", RoboflowEmbeddings)
EMBED_TEXT = embedding_operation(
    DIALECT,
    "roboflow_embed_text",
    ("Embed texts, as Roboflow does.", "For `get_clip_text_embeddings` of its client."),
    EMBEDDED,
    TEXTS,
)
EMBED_IMAGE = embedding_operation(
    DIALECT,
    "roboflow_embed_image",
    ("Embed images, as Roboflow does.", "For `get_clip_image_embeddings` of its client."),
    EMBEDDED,
    IMAGES,
)
COMPARE = embedding_operation(
    DIALECT,
    "roboflow_compare",
    ("Compare texts with images, as Roboflow does.", "For `clip_compare` of its client."),
    ("The cosine similarities.", RoboflowSimilarity),
    COMPARISON,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/clip/embed_text")
    @EMBED_TEXT
    def embed_text() -> Response:
        return _embeddings(embedder, _texts(embedder))

    @blueprint.post("/clip/embed_image")
    @EMBED_IMAGE
    def embed_image() -> Response:
        return _embeddings(embedder, _images(embedder))

    @blueprint.post("/clip/compare")
    @COMPARE
    def compare() -> Response:
        wanted, names = _comparison(embedder)
        return _similarity(embedder.embed(wanted), names)

    return blueprint


def _texts(embedder: Embedder) -> EmbeddingRequest:
    body = embedder.read(TEXTS)
    return _request(embedder, _parts(body.text, "/text", "text"), "/text", body)


def _images(embedder: Embedder) -> EmbeddingRequest:
    body = embedder.read(IMAGES)
    return _request(embedder, _parts(body.image, "/image", "image"), "/image", body)


def _request(
    embedder: Embedder, parts: list[Part], pointer: str, body: OfVersion
) -> EmbeddingRequest:
    return embedder.request(
        [[part] for part in parts],
        body.clip_version_id,
        pointer=pointer,
        model_pointer="/clip_version_id",
    )


def _embeddings(embedder: Embedder, wanted: EmbeddingRequest) -> Response:
    made = embedder.embed(wanted)
    return made.response(
        {"embeddings": encoded(made.vectors, "float"), "frame_id": None, "time": _seconds()}
    )


def _comparison(embedder: Embedder) -> tuple[EmbeddingRequest, list[str] | None]:
    """The subject, then the prompts, and their names if they have any."""
    body = embedder.read(COMPARISON)
    subject_type = _type(body.subject_type or "image", "/subject_type")
    prompt_type = _type(body.prompt_type or "text", "/prompt_type")
    subject = _parts(body.subject, "/subject", subject_type)
    if len(subject) != 1:
        raise invalid("/subject", "wrong_type", "must be one subject")
    names = None
    if isinstance(body.prompt, Mapping) and not _is_image(body.prompt, prompt_type):
        names = [*body.prompt]
        prompts = [
            # A name may have any length, and would be part of the error.
            _part(body.prompt[name], f"/prompt{pointer_to([name[:MAX_KEY_CHARS]])}", prompt_type)
            for name in names
        ]
    else:
        prompts = _parts(body.prompt, "/prompt", prompt_type)
    if not prompts:
        raise invalid("/prompt", "too_few", "needs at least one prompt")
    return _request(embedder, [*subject, *prompts], "/prompt", body), names


def _is_image(given: Mapping[str, object], kind: str) -> bool:
    """Whether an object is an image, not images by name."""
    return kind == "image" and isinstance(given.get("type"), str) and "value" in given


def _type(given: str, where: str) -> str:
    if given not in ("image", "text"):
        raise invalid(where, "unknown_value", "must be image or text")
    return given


def _parts(given: object, where: str, kind: str) -> list[Part]:
    if given is None:
        raise invalid(where, "missing", "is missing")
    if not isinstance(given, list):
        return [_part(given, where, kind)]
    return [_part(each, f"{where}/{n}", kind) for n, each in enumerate(given)]


def _part(given: object, where: str, kind: str) -> Part:
    return image_part(given, where) if kind == "image" else text_part(given, where)


def _similarity(made: Embeddings, names: list[str] | None) -> Response:
    [row] = cosine_similarities(made.vectors[:1], made.vectors[1:])
    similarity = row if names is None else dict(zip(names, row.tolist(), strict=True))
    return made.response({"similarity": similarity, "time": _seconds()})


def _seconds() -> float:
    return time.monotonic() - float(g.started)
