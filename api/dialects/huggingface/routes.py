"""POST /hf and POST /."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from pydantic import TypeAdapter

from api.access.proxies import path_prefix
from api.answer.scoring import cosine_similarities, probabilities, ranking
from api.dialects.dialect import Dialect, PlainError, plain_error
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.huggingface.schemas import (
    TEMPLATE,
    TaskAnswer,
    TaskParameters,
    TaskRequest,
)
from api.dialects.operation import embedding_operation
from api.dialects.parts import Part, image_part, invalid, parts_of, text_part
from api.dialects.vectors import encoded
from api.errors import UnsupportedMediaType
from api.request.body import UNDECLARED, UTF_16
from api.request.schemas import Item
from api.request.validation import validate
from common.errors import TextTooLong
from common.protocol.messages import HOLE

__all__ = ["DIALECT", "make_blueprint"]

DIALECT = Dialect("huggingface", plain_error, PlainError)
INPUTS, INSTANCES, LABELS = "/inputs", "/instances", "/parameters/candidate_labels"
HYPOTHESIS = "/parameters/hypothesis_template"
HEAD_BYTES = 512
BYTES = ("image/", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Task:
    """What to make of the vectors: classes by these labels, or the vectors if there are none."""

    wanted: EmbeddingRequest
    labels: Sequence[str]
    top_k: int | None
    is_single: bool
    is_vertex: bool


BODY: TypeAdapter[TaskRequest] = TypeAdapter(TaskRequest)
PARAMETERS: TypeAdapter[TaskParameters] = TypeAdapter(TaskParameters)
DONE = ("The labels with their probabilities, or the vectors.", TaskAnswer)
TASK = embedding_operation(
    DIALECT,
    "huggingface_task",
    (
        "Run a task of Hugging Face.",
        "For clients of Hugging Face: their model is the URL of this service with `/hf`.",
    ),
    DONE,
    BODY,
)
AT_ROOT = embedding_operation(
    DIALECT,
    "huggingface_task_at_root",
    (
        "Run a task of Hugging Face, at the root.",
        "For clients of Hugging Face's Inference Endpoints, whose URLs have no path.",
    ),
    DONE,
    BODY,
)


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/hf")
    @TASK
    def task() -> Response:
        return _run(embedder)

    @blueprint.post("/")
    @AT_ROOT
    def at_root() -> Response:
        return _run(embedder)

    return blueprint


def _run(embedder: Embedder) -> Response:
    task = _read(embedder)
    made = embedder.embed(task.wanted)
    found = _classes(made, task) if task.labels else encoded(made.vectors, "float")
    if task.is_vertex:
        return made.response({"predictions": found})
    return made.response(found[0] if task.is_single else found)


def _classes(made: Embeddings, task: Task) -> list[object]:
    labels = task.labels
    images, texts = made.vectors[: -len(labels)], made.vectors[-len(labels) :]
    cosines = cosine_similarities(images, texts)
    scores = probabilities(cosines, made.model)
    return [
        [{"score": row[index], "label": labels[index]} for index in order]
        for row, order in zip(scores, ranking(cosines, task.top_k or len(labels)), strict=True)
    ]


def _read(embedder: Embedder) -> Task:
    """Read the request; in its own function, so that the body is freed before the wait."""
    kind = request.mimetype
    if kind.startswith(BYTES):
        return _image_task(embedder, embedder.read_bytes())
    if kind in UNDECLARED:
        raw = embedder.read_bytes()
        if not _is_text(raw):
            return _image_task(embedder, raw)
        body = embedder.parse(raw, BODY)
    elif request.is_json:
        body = embedder.read(BODY)
    else:
        raise UnsupportedMediaType("the body must be application/json or an image")
    if body.instances is not None:
        given, where = body.instances, INSTANCES
    else:
        given, where = body.inputs, INPUTS
    if given is None:
        others = f"{path_prefix()}/docs lists the paths for others"
        raise invalid(
            where, "missing", f"is missing: this is for clients of Hugging Face; {others}"
        )
    parameters = _parameters(body)
    has_labels = parameters.candidate_labels is not None
    make = _image if has_labels else parts_of
    if not isinstance(given, list):
        return _task(embedder, body, parameters, [make(given, where)], is_single=has_labels)
    vectors = [make(each, f"{where}/{n}") for n, each in enumerate(given)]
    return _task(embedder, body, parameters, vectors, is_single=False)


def _is_text(raw: bytes) -> bool:
    """Whether it is meant as JSON: images of all formats begin with bytes that no text has."""
    head = raw[:HEAD_BYTES]
    if head.startswith(UTF_16) or head.lstrip().startswith((b"{", b"[")):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _image_task(embedder: Embedder, image: bytes) -> Task:
    body, vectors = TaskRequest(), [[Part(Item(img_blob=image), "/image")]]
    return _task(embedder, body, _parameters(body), vectors, is_single=True)


def _parameters(body: TaskRequest) -> TaskParameters:
    """Those of the body; each may be in the query instead. Raises InvalidRequest."""
    given = body.parameters or TaskParameters()
    query: dict[str, object] = dict(request.args)
    if len(labels := request.args.getlist("candidate_labels")) > 1:
        query["candidate_labels"] = labels
    told = validate(query, PARAMETERS, has_items=False)
    absent = [name for name in TaskParameters.model_fields if getattr(given, name) is None]
    return given.model_copy(update={name: getattr(told, name) for name in absent})


def _task(
    embedder: Embedder,
    body: TaskRequest,
    parameters: TaskParameters,
    vectors: list[list[Part]],
    *,
    is_single: bool,
) -> Task:
    labels = _labels(parameters, embedder.max_parts, len(vectors))
    template = _template(parameters, embedder.max_text_chars) if labels else ""
    prompts = [
        [text_part(template.replace(HOLE, label), f"{LABELS}/{n}")]
        for n, label in enumerate(labels)
    ]
    wanted = embedder.request(
        vectors + prompts if vectors else [],
        request.args.get("model"),
        pointer=INPUTS if body.instances is None else INSTANCES,
        options=Options(
            normalise=bool(labels) or body.normalize is not False,
            dimensions=body.dimensions,
            truncate=body.truncate is not False,
        ),
    )
    return Task(wanted, labels, parameters.top_k, is_single, is_vertex=body.instances is not None)


def _image(given: object, where: str) -> list[Part]:
    if isinstance(given, dict) and given.get("image") is not None:
        return [image_part(given["image"], f"{where}/image")]
    return [image_part(given, where)]


def _labels(parameters: TaskParameters, limit: int, images: int) -> list[str]:
    given = parameters.candidate_labels
    if given is None:
        return []
    if isinstance(given, str):
        given = [label.strip() for label in given.split(",", limit) if label.strip()]
    if not given:
        raise invalid(LABELS, "too_few", "needs at least one label")
    room = limit - images
    if len(given) > room > 0:
        raise invalid(
            LABELS, "too_many", f"has more than {room} labels, the limit beside the images"
        )
    for number, label in enumerate(given):
        text_part(label, f"{LABELS}/{number}")
    return given


def _template(parameters: TaskParameters, limit: int) -> str:
    """A template so short and plain that a prompt for each label is no burden."""
    template = parameters.hypothesis_template or TEMPLATE
    if len(template) > limit:
        raise invalid(HYPOTHESIS, TextTooLong.code, f"has more than {limit} characters")
    if template.count(HOLE) != 1:
        raise invalid(HYPOTHESIS, "invalid_template", f"needs {HOLE} exactly once")
    return template
