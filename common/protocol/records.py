"""Items and results as they are stored in Redis.

Records are parsed when they are read; one that does not parse raises CorruptRecord. There are no
other checks: whatever can write to Redis is trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from common.protocol.messages import (
    Alpha,
    Count,
    Fault,
    Item,
    ItemKind,
    ModelInfo,
    PartAbout,
    PartResult,
    Templates,
    Timings,
)

Parsed = TypeVar("Parsed")


class CorruptRecord(ValueError):
    """A record from Redis does not parse."""


class NewerFormat(ValueError):
    """A job in the ledger has a format that this release cannot read."""


@dataclass(frozen=True, slots=True)
class _SentAbout:
    """PartAbout as JSON, where keys must be strings."""

    model: ModelInfo
    faults: list[tuple[Count, Fault]]
    truncated: list[Count]
    timings: Timings
    transparent: list[Count] = field(default_factory=list)
    tokens: list[Count] = field(default_factory=list)


PASSING = ConfigDict(cache_strings="keys")
"""For records that are read once: by default pydantic caches the last 16,384 short strings."""

SentItems: TypeAlias = tuple[list[Templates], list[tuple[ItemKind, str, int, bool, int, Alpha]]]
"""The distinct lists of templates, and the items, each with the index of its list."""

ITEMS: TypeAdapter[SentItems] = TypeAdapter(SentItems, config=PASSING)
ABOUT = TypeAdapter(_SentAbout)


def load_json(adapter: TypeAdapter[Parsed], raw: bytes | str) -> Parsed:
    """Parse a record.

    Raises:
        CorruptRecord: it has another shape. The message says what and where, without the content.
    """
    try:
        return adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        raise CorruptRecord(first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """A short description of the first fault in a record."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = "/".join(str(step)[:40] for step in fault["loc"])
    return f"{where}: {fault['msg']}"[:200]


def dump_items(items: Sequence[Item]) -> bytes:
    """Items as JSON; a list of templates that several items share is stored once."""
    places: dict[Templates, int] = {}
    rows = [
        (
            *(i.kind, i.value, i.queries, i.required),
            *(places.setdefault(i.templates, len(places)), i.alpha),
        )
        for i in items
    ]
    return orjson.dumps((list(places), rows))


def load_items(raw: bytes) -> list[Item]:
    """The items of a part. Raises CorruptRecord."""
    templates, rows = load_json(ITEMS, raw)
    try:
        return [
            Item(kind, value, queries, required, templates[place], alpha)
            for kind, value, queries, required, place, alpha in rows
        ]
    except IndexError:
        raise CorruptRecord("an item's templates are missing") from None


def dump_result(result: PartResult) -> dict[str, bytes]:
    """The fields of the Redis hash of a part's result."""
    vectors = np.ascontiguousarray(result.vectors, dtype="<f4").tobytes()
    return {"vectors": vectors, "about": dump_about(result.about)}


def dump_about(about: PartAbout) -> bytes:
    sent = _SentAbout(
        about.model,
        list(about.faults.items()),
        list(about.truncated),
        about.timings,
        list(about.transparent),
        list(about.tokens),
    )
    return orjson.dumps(sent)


def load_about(raw: bytes) -> PartAbout:
    """Raises CorruptRecord."""
    sent = load_json(ABOUT, raw)
    return PartAbout(
        sent.model,
        dict(sent.faults),
        tuple(sent.truncated),
        sent.timings,
        tuple(sent.transparent),
        tuple(sent.tokens),
    )


def load_result(fields: dict[bytes, bytes]) -> PartResult:
    """Raises CorruptRecord."""
    about = load_about(fields.get(b"about", b""))
    raw = fields.get(b"vectors", b"")
    if len(raw) % (4 * about.model.dimension):
        raise CorruptRecord("the embeddings do not have the model's dimension")
    return PartResult(np.frombuffer(raw, dtype="<f4").reshape(-1, about.model.dimension), about)
