"""Hugging Face's tasks: zero-shot image classification and feature extraction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter

from api.answer.scoring import cosine_similarities, probabilities, ranking
from api.dialects.dialect import Dialect, PlainError, plain_error
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.fields import Whole, fault_of_any
from api.dialects.operation import embedding_operation
from api.dialects.parts import Part, image_part, invalid, parts_of, text_part
from api.dialects.vectors import encoded
from api.request.schemas import Item
from common.errors import TextTooLong
from common.protocol.messages import HOLE

DIALECT = Dialect("huggingface", plain_error, PlainError)
TEMPLATE = f"This is a photo of {HOLE}."
"""That of the pipeline in transformers."""
INPUTS, INSTANCES, LABELS = "/inputs", "/instances", "/parameters/candidate_labels"
HYPOTHESIS = "/parameters/hypothesis_template"
BYTES = ("image/", "application/octet-stream")
Labels: TypeAlias = Annotated[
    list[Any] | str | None,
    fault_of_any("wrong_type", "must be an array, or a string with labels between commas"),
]


class TaskParameters(BaseModel):
    """Parameters of a task; other keys are ignored."""

    model_config = ConfigDict(frozen=True)

    candidate_labels: Labels = Field(
        default=None,
        description="classify images by these; a string has them between commas. Without them, "
        "the vectors of the inputs are the answer",
    )
    hypothesis_template: str | None = Field(
        default=None, description=f"`{{}}` is replaced by each label; `{TEMPLATE}` if absent"
    )


NO_PARAMETERS = TaskParameters()


class TaskRequest(BaseModel):
    """A task; other keys are ignored, and `null` is as if absent.

    Instead the body may be the bytes of an image, with `?candidate_labels=a,b`.
    """

    model_config = ConfigDict(frozen=True)

    inputs: Any = Field(
        default=None,
        description='with labels an image as base64, data URI or URL, or `{"image": …}`; '
        "without labels a text; or a list of them",
        examples=["a cat"],
    )
    instances: list[Any] | None = Field(
        default=None, description="the same, as Vertex AI calls it: the answer has `predictions`"
    )
    parameters: TaskParameters | None = None
    normalize: bool | None = Field(
        default=None, description="`false`: vectors are not scaled to length 1"
    )
    truncate: bool | None = Field(
        default=None, description="`false`: a text that is too long for the model is an error"
    )
    dimensions: Whole | None = Field(
        default=None, description="the first of them only, for models in `CLIP_MATRYOSHKA_MODELS`"
    )


class TaskScore(BaseModel):
    """How well a label fits."""

    score: float
    label: str


class TaskPredictions(BaseModel):
    """The answer to `instances`."""

    predictions: list[list[TaskScore]] | list[list[float]]


class TaskAnswer(
    RootModel[list[TaskScore] | list[list[TaskScore]] | list[list[float]] | TaskPredictions]
):
    """Labels, the best first; for a list of images a list of these; without labels vectors."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to make of the vectors: classes by these labels, or the vectors if there are none."""

    wanted: EmbeddingRequest
    labels: Sequence[str]
    is_single: bool
    is_vertex: bool


BODY: TypeAdapter[TaskRequest] = TypeAdapter(TaskRequest)
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
    found = _classes(made, task.labels) if task.labels else encoded(made.vectors, "float")
    if task.is_vertex:
        return made.response({"predictions": found})
    return made.response(found[0] if task.is_single else found)


def _classes(made: Embeddings, labels: Sequence[str]) -> list[object]:
    images, texts = made.vectors[: -len(labels)], made.vectors[-len(labels) :]
    cosines = cosine_similarities(images, texts)
    scores = probabilities(cosines, made.model)
    return [
        [{"score": row[index], "label": labels[index]} for index in order]
        for row, order in zip(scores, ranking(cosines, len(labels)), strict=True)
    ]


def _read(embedder: Embedder) -> Task:
    """Read the request; in its own function, so that the body is freed before the wait."""
    if (request.mimetype or "").startswith(BYTES):
        body = TaskRequest(parameters=_parameters_of_query())
        parts = [Part(Item(img_blob=embedder.read_bytes()), "/image")]
        return _task(embedder, body, [parts], is_single=True)
    body = embedder.read(BODY)
    if body.instances is not None:
        given, where = body.instances, INSTANCES
    else:
        given, where = body.inputs, INPUTS
    if given is None:
        raise invalid(where, "missing", "is missing")
    has_labels = body.parameters is not None and body.parameters.candidate_labels is not None
    make = _image if has_labels else parts_of
    if not isinstance(given, list):
        return _task(embedder, body, [make(given, where)], is_single=has_labels)
    vectors = [make(each, f"{where}/{n}") for n, each in enumerate(given)]
    return _task(embedder, body, vectors, is_single=False)


def _parameters_of_query() -> TaskParameters:
    labels = request.args.get("candidate_labels")
    template = request.args.get("hypothesis_template")
    return TaskParameters(candidate_labels=labels, hypothesis_template=template)


def _task(
    embedder: Embedder, body: TaskRequest, vectors: list[list[Part]], *, is_single: bool
) -> Task:
    parameters = body.parameters or NO_PARAMETERS
    labels = _labels(parameters, embedder.max_parts)
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
    return Task(wanted, labels, is_single, is_vertex=body.instances is not None)


def _image(given: object, where: str) -> list[Part]:
    if isinstance(given, dict) and given.get("image") is not None:
        return [image_part(given["image"], f"{where}/image")]
    return [image_part(given, where)]


def _labels(parameters: TaskParameters, limit: int) -> list[str]:
    given = parameters.candidate_labels
    if given is None:
        return []
    if isinstance(given, str):
        given = [label.strip() for label in given.split(",", limit) if label.strip()]
    if not given:
        raise invalid(LABELS, "too_few", "needs at least one label")
    if len(given) > limit:
        raise invalid(LABELS, "too_many", f"has more than {limit} labels")
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
