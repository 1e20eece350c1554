"""What travels between the API and the workers: names, items, results.

Whatever is read back is checked, because anybody may have written it who can write to Redis.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

FORMAT = 1
"""Of the jobs that this release writes. It reads all from 1 up, and leaves later ones to others.

Raise it for a change that the release before would misread. Not for an addition that it may do
without: every release reads what it knows by name, and passes over the rest. A worker answers a job
in that job's format. Of messages there is one format: what is new goes into the job.
"""

TASK_NAME = "clip.encode_part"
INTERACTIVE = "interactive"
BULK = "bulk"
KINDS_OF_QUEUE = (INTERACTIVE, BULK)

MAX_PARTS = 1_000_000
MAX_PART_PICTURES = 1000
MAX_PART_ITEMS = 32 * MAX_PART_PICTURES  # a picture weighs as much as 32 texts when a job is cut
MAX_TEXT_CHARS = 1_000_000
MAX_URL_CHARS = 8192
MAX_DIMENSION = 65_536
MAX_MODEL_CHARS = 256

DIGEST = re.compile(r"[0-9a-f]{64}")
# Nothing that parts words: on Celery's command line, or in Kombu's keys.
LANE = re.compile(rf"[^\s,\x00-\x1f\x7f]{{1,{MAX_MODEL_CHARS}}}")

ItemKind: TypeAlias = Literal["text", "uri", "blob"]
Vectors: TypeAlias = npt.NDArray[np.float32]
Count: TypeAlias = Annotated[int, Field(ge=0, le=100_000_000)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Words: TypeAlias = Annotated[str, Field(max_length=4096)]
Checked = TypeVar("Checked")


class Broken(ValueError):
    """What was read from Redis is not what this service writes there."""


class Later(Broken):
    """What was read from Redis was written by a later release, in a format of its own."""


def lane_of(model: str, models: Sequence[str]) -> str:
    """Which queues a model's parts go through, where several are served; the first is the default.

    The default has the lane without a name, so that one model alone is served as it always was.
    """
    return "" if not models or model == models[0] else model


def queue_of(kind: str, lane: str = "") -> str:
    """The queue of a kind in a lane: `bulk`, say, or `bulk:openai/clip-vit-base-patch16`."""
    return f"{kind}:{lane}" if lane else kind


def split_queue(queue: str) -> tuple[str, str]:
    """The kind of a queue, and its lane. Raises Broken for what `queue_of` does not make."""
    kind, colon, lane = queue.partition(":")
    if kind not in KINDS_OF_QUEUE or (colon and not LANE.fullmatch(lane)):
        raise Broken("no such queue")
    return kind, lane


def queues_of(lane: str) -> tuple[str, str]:
    """The interactive queue of a lane, and its bulk queue."""
    return queue_of(INTERACTIVE, lane), queue_of(BULK, lane)


@dataclass(frozen=True, slots=True)
class Item:
    """One distinct thing to encode.

    `value` is the text, the URL, or the SHA-256 of the picture's bytes. `queries` says for how many
    queries of the request the item stands; a `required` item fails the whole job when it fails.
    """

    kind: ItemKind
    value: str
    queries: int
    required: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What made an embedding, and what turns embeddings into probabilities.

    probabilities = softmax(logit_scale · cos + logit_bias), or sigmoid in place of softmax;
    `logit_scale` is already exponentiated.
    """

    name: Words
    revision: Words
    dimension: Annotated[int, Field(ge=1, le=MAX_DIMENSION)]
    logit_scale: Number
    logit_bias: Number = 0.0
    activation: Literal["softmax", "sigmoid"] = "softmax"


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What else there is to know of a model, for people to choose by.

    `context_length` is in tokens; `resolution` is (height, width) in pixels, and None where
    pictures keep their own.
    """

    family: Words
    context_length: Count
    resolution: tuple[Count, Count] | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a part's time went, in seconds; `fetch` and `decode` are those of its slowest item."""

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
    """What there is to know about a part's result beside the embeddings.

    `faults` has an entry under the index of each item that failed; `truncated` are the indices of
    texts that the model did not see whole.
    """

    model: ModelInfo
    faults: dict[int, Fault] = field(default_factory=dict)
    truncated: tuple[int, ...] = ()
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True)
class PartResult:
    """The embeddings of one part: `vectors` is float32 of shape (items, dimension), not normalised.

    The row of an item that failed is zero.
    """

    vectors: Vectors
    about: PartAbout


@dataclass(frozen=True, slots=True)
class _SentAbout:
    """PartAbout as JSON, which knows no keys but strings."""

    model: ModelInfo
    faults: list[tuple[Count, Fault]]
    truncated: list[Count]
    timings: Timings


PASSING = ConfigDict(cache_strings="keys")
"""For what is read once: pydantic would keep the last 16,384 short strings that it read."""

ItemRow: TypeAlias = tuple[ItemKind, Annotated[str, Field(max_length=MAX_TEXT_CHARS)], Count, bool]
ITEMS: TypeAdapter[list[ItemRow]] = TypeAdapter(
    Annotated[list[ItemRow], Field(min_length=1, max_length=MAX_PART_ITEMS)], config=PASSING
)
ABOUT = TypeAdapter(_SentAbout)


def load_json(adapter: TypeAdapter[Checked], raw: bytes | str) -> Checked:
    """Read JSON of exactly one shape.

    Raises:
        Broken: it is anything else; says what and where, and nothing of the content.
    """
    try:
        return adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        raise Broken(first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """The first thing wrong with what was read, in a few words."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = "/".join(str(step)[:40] for step in fault["loc"])
    return f"{where}: {fault['msg']}"[:200]


def dump_items(items: list[Item]) -> bytes:
    return orjson.dumps([[i.kind, i.value, i.queries, i.required] for i in items])


def load_items(raw: bytes) -> list[Item]:
    """The items of a part. Raises Broken for what `dump_items` does not make."""
    items = [Item(*row) for row in load_json(ITEMS, raw)]
    if len({(item.kind, item.value) for item in items}) < len(items):
        raise Broken("an item stands there twice")
    if sum(item.kind != "text" for item in items) > MAX_PART_PICTURES:
        raise Broken(f"there are more than {MAX_PART_PICTURES} pictures")
    for item in items:
        if item.kind == "uri" and len(item.value) > MAX_URL_CHARS:
            raise Broken(f"a URL is longer than {MAX_URL_CHARS} characters")
        if item.kind == "blob" and not DIGEST.fullmatch(item.value):
            raise Broken("a picture's name is no SHA-256")
    return items


def dump_result(result: PartResult) -> dict[str, bytes]:
    """The fields of the hash that holds a part's result."""
    vectors = np.ascontiguousarray(result.vectors, dtype="<f4").tobytes()
    return {"vectors": vectors, "about": dump_about(result.about)}


def dump_about(about: PartAbout) -> bytes:
    sent = _SentAbout(about.model, list(about.faults.items()), list(about.truncated), about.timings)
    return orjson.dumps(sent)


def load_about(raw: bytes) -> PartAbout:
    """Raises Broken for what `dump_result` does not make."""
    sent = load_json(ABOUT, raw)
    return PartAbout(sent.model, dict(sent.faults), tuple(sent.truncated), sent.timings)


def load_result(fields: dict[bytes, bytes]) -> PartResult:
    """Raises Broken for what `dump_result` does not make."""
    about = load_about(fields.get(b"about", b""))
    raw = fields.get(b"vectors", b"")
    if len(raw) % (4 * about.model.dimension):
        raise Broken("the embeddings are not of the model's dimension")
    return PartResult(np.frombuffer(raw, dtype="<f4").reshape(-1, about.model.dimension), about)
