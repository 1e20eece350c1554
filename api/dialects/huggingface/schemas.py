"""The bodies of Hugging Face's tasks, and their answers."""

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.dialects.fields import Count, Whole, fault_of_any
from common.protocol.messages import HOLE

TEMPLATE = f"This is a photo of {HOLE}."
"""That of the pipeline in transformers."""
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
    top_k: Count | None = Field(default=None, description="only the best labels; all if absent")


class TaskRequest(BaseModel):
    """A task; other keys are ignored, and `null` is as if absent.

    Instead the body may be the bytes of an image. Without `parameters` they may be in the query, as
    `?candidate_labels=a,b`. Neither body needs a Content-Type.
    """

    model_config = ConfigDict(frozen=True)

    inputs: Any = Field(
        default=None,
        description='with labels an image as base64, data URI or URL, or `{"image": …}`; '
        'without labels a text, `{"text": …}`, `{"image": …}` or the data URI of an image; '
        "or a list of them",
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
