"""What travels between the API and the workers: names, items, results."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

TASK_NAME = "clip.encode_part"
INTERACTIVE = "interactive"
BULK = "bulk"
QUEUES = (INTERACTIVE, BULK)

ItemKind: TypeAlias = Literal["text", "uri", "blob"]
Vectors: TypeAlias = npt.NDArray[np.float32]


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

    name: str
    revision: str
    dimension: int
    logit_scale: float
    logit_bias: float = 0.0
    activation: Literal["softmax", "sigmoid"] = "softmax"


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a part's time went, in seconds; `fetch` and `decode` are those of its slowest item."""

    queue: float = 0.0
    fetch: float = 0.0
    decode: float = 0.0
    inference: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one item could not be encoded."""

    code: str
    detail: str


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


def dump_items(items: list[Item]) -> bytes:
    return orjson.dumps([[i.kind, i.value, i.queries, i.required] for i in items])


def load_items(raw: bytes) -> list[Item]:
    return [Item(*fields) for fields in orjson.loads(raw)]


def dump_result(result: PartResult) -> dict[str, bytes]:
    """The fields of the hash that holds a part's result."""
    about = result.about
    fields = {
        "model": about.model,
        "faults": [[index, fault] for index, fault in about.faults.items()],
        "truncated": about.truncated,
        "timings": about.timings,
    }
    return {
        "vectors": np.ascontiguousarray(result.vectors, dtype="<f4").tobytes(),
        "about": orjson.dumps(fields),
    }


def load_about(raw: bytes) -> PartAbout:
    fields: dict[str, Any] = orjson.loads(raw)
    return PartAbout(
        model=ModelInfo(**fields["model"]),
        faults={index: Fault(**fault) for index, fault in fields["faults"]},
        truncated=tuple(fields["truncated"]),
        timings=Timings(**fields["timings"]),
    )


def load_result(fields: dict[bytes, bytes]) -> PartResult:
    about = load_about(fields[b"about"])
    vectors = np.frombuffer(fields[b"vectors"], dtype="<f4").reshape(-1, about.model.dimension)
    return PartResult(vectors, about)
