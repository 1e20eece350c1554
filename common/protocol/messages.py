"""What the API and the workers exchange: names, items, results."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

FORMAT = 5
"""The version of a job's format in the ledger. A worker ignores jobs of another format.

Raise it with every change that another release would misread.
"""

TASK_NAME = "clip.encode_part"

MAX_PART_IMAGES = 1000
MAX_TEXT_CHARS = 1_000_000
MAX_URL_CHARS = 8192
MAX_DIMENSION = 65_536
MAX_MODEL_CHARS = 256

# No separators: the name is part of a queue's name, on Celery's command line and in Kombu's keys.
MODEL_NAME = re.compile(rf"[^\s,\x00-\x1f\x7f]{{1,{MAX_MODEL_CHARS}}}")

HOLE = "{}"
"""Where a text is put into a template."""

ItemKind: TypeAlias = Literal["text", "uri", "blob"]
Alpha: TypeAlias = Literal["drop", "white", "black"]
"""What a transparent image is put on; with `drop`, its alpha is ignored."""
Templates: TypeAlias = tuple[str, ...]
Vectors: TypeAlias = npt.NDArray[np.float32]
Count: TypeAlias = Annotated[int, Field(ge=0, le=100_000_000)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Words: TypeAlias = Annotated[str, Field(max_length=4096)]


class Priority(StrEnum):
    """Whether a client waits for a job. Set when the request arrives; selects the queue."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def model_queue_of(model: str, models: Sequence[str]) -> str:
    """The model queue of a model; `models` are those of the settings, the default first.

    It is empty for the default model, so that a single model uses `interactive` and `bulk`.
    """
    return "" if not models or model == models[0] else model


def queue_of(priority: Priority, model_queue: str = "") -> str:
    """A queue's name: `bulk`, or for a model queue `bulk:openai/clip-vit-base-patch16`."""
    return f"{priority}:{model_queue}" if model_queue else priority.value


def queues_of(model_queue: str) -> tuple[str, str]:
    """The names of a model queue's interactive queue and of its bulk queue."""
    return queue_of(Priority.INTERACTIVE, model_queue), queue_of(Priority.BULK, model_queue)


def blob_name(digest: str, alpha: Alpha) -> str:
    """The name of an image's bytes in a job.

    An image on two backgrounds is two items, each of which releases its own bytes.
    """
    return digest if alpha == "drop" else f"{digest}.{alpha}"


@dataclass(frozen=True, slots=True)
class Item:
    """One distinct text or image to encode.

    `value` is the text, the URL, or the SHA-256 of the image's bytes. `queries` is the number of
    queries in the request that are this item. If a `required` item fails, so does the job. A text
    with `templates` is encoded in each of them; its embedding is their mean. An image has an
    `alpha`.
    """

    kind: ItemKind
    value: str
    queries: int
    required: bool
    templates: Templates = ()
    alpha: Alpha = "drop"

    @property
    def blob(self) -> str:
        """The name of an image's bytes in its job."""
        return blob_name(self.value, self.alpha)

    @property
    def inputs(self) -> int:
        """The number of texts or images that the model encodes for it."""
        return len(self.templates) or 1

    @property
    def prompts(self) -> Iterator[str]:
        """The texts that the model encodes for a text item."""
        return (template.replace(HOLE, self.value) for template in self.templates or (HOLE,))


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model that made an embedding, and how its embeddings become probabilities.

    probabilities = softmax(logit_scale · cos + logit_bias), or sigmoid instead of softmax;
    `logit_scale` is already exponentiated. `set_context` is the worker's CLIP_CONTEXT_LENGTH.
    """

    name: Words
    revision: Words
    dimension: Annotated[int, Field(ge=1, le=MAX_DIMENSION)]
    logit_scale: Number
    logit_bias: Number = 0.0
    activation: Literal["softmax", "sigmoid"] = "softmax"
    set_context: Count = 0


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """Traits of a model that help users choose one.

    `context_length` is in tokens; `resolution` is (height, width) in pixels, None if it is not
    fixed; `format` is that of the checkpoint. `not_finite_in` is the precision tried first,
    in which its embeddings are not finite.
    """

    family: Words
    context_length: Count
    resolution: tuple[Count, Count] | None = None
    format: Words = "transformers"
    not_finite_in: Words | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a part's time went, in seconds; `fetch` and `decode` are of its slowest item."""

    queue: Number = 0.0
    fetch: Number = 0.0
    decode: Number = 0.0
    inference: Number = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one item could not be encoded."""

    code: Words
    detail: Words


@dataclass(frozen=True, slots=True)
class PartAbout:
    """A part's result without the embeddings.

    `faults` maps the index of each failed item to its fault; `truncated` are the indices of texts
    that the model truncated, `transparent` those of images that are not opaque. `tokens` has the
    number of tokens of each item, 0 for an image; it is empty if there are none, or if the worker
    is of an earlier release.
    """

    model: ModelInfo
    faults: dict[int, Fault] = field(default_factory=dict)
    truncated: tuple[int, ...] = ()
    timings: Timings = field(default_factory=Timings)
    transparent: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PartResult:
    """The embeddings of one part: `vectors` is float32 of shape (items, dimension), not normalised.

    The row of an item that failed is zero.
    """

    vectors: Vectors
    about: PartAbout
