"""What a label set is made of, and how it stands in a list."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from common.protocol import ItemKind
from common.records import LabelSetVersion

VERSION_CHARS = 16


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A set as it stands in a list: `count` candidates; `created` is an epoch time."""

    name: str
    version: str
    count: int
    created: float

    @property
    def of(self) -> LabelSetVersion:
        return LabelSetVersion(self.name, self.version)


@dataclass(frozen=True, slots=True)
class LabelContent:
    """What a set is made of.

    `items` are distinct. `candidates` are indices into them: as many for each candidate, side by
    side, as there are `templates`.
    """

    items: list[tuple[ItemKind, str]]
    candidates: list[int]
    templates: int

    @property
    def version(self) -> str:
        return hashlib.sha256(self.as_json()).hexdigest()[:VERSION_CHARS]

    @property
    def count(self) -> int:
        return len(self.candidates) // self.templates

    @property
    def names(self) -> list[str | None]:
        """What to call each candidate: its text, in the first of its templates, or its URL.

        None for a picture that came as bytes.
        """
        firsts = (self.items[place] for place in self.candidates[:: self.templates])
        return [None if kind == "blob" else value for kind, value in firsts]

    def as_json(self) -> bytes:
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Labels:
    """Content with its pictures, by SHA-256."""

    content: LabelContent
    blobs: Mapping[str, bytes]
