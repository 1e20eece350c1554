"""The labels of a job's candidates as a field of its hash: compressed JSON, read on demand.

It goes with the job. Ten thousand labels of two words take 48 KB, beside 20 MB of embeddings.
Workers and lists of jobs do not read it.
"""

import zlib
from collections.abc import Sequence
from typing import TypeAlias

import orjson
from pydantic import TypeAdapter

from common.protocol.records import CorruptRecord, load_json

MAX_BYTES = 2_000_000
"""Of the JSON: longer lists are not kept."""
LEVEL = 1
"""The fastest: the other levels save little."""

Labels: TypeAlias = Sequence[str | None]
LABELS: TypeAdapter[list[str | None]] = TypeAdapter(list[str | None])


def dump_labels(labels: Labels) -> bytes:
    """Labels as a field; empty if there are none, or too many to keep."""
    content = orjson.dumps(labels) if labels else b""
    return zlib.compress(content, LEVEL) if 0 < len(content) <= MAX_BYTES else b""


def load_labels(field: bytes) -> list[str | None]:
    """Raises CorruptRecord."""
    try:
        content = zlib.decompress(field)
    except zlib.error as error:
        raise CorruptRecord(str(error)) from None
    return load_json(LABELS, content)
