"""What a label set is made of, and how it stands in a list."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from common.ledger.records import LabelSetVersion
from common.protocol.messages import HOLE, ItemKind, Templates

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

    `items` are distinct, and `candidates` are indices into them. The texts among them are put into
    each of the `templates`, where there are any.
    """

    items: list[tuple[ItemKind, str]]
    candidates: list[int]
    templates: Templates

    @property
    def version(self) -> str:
        return hashlib.sha256(self.as_json()).hexdigest()[:VERSION_CHARS]

    @property
    def count(self) -> int:
        return len(self.candidates)

    @property
    def names(self) -> list[str | None]:
        """What to call each candidate: its text, in the first of its templates, or its URL.

        None for an image that came as bytes.
        """
        return [self._name(*self.items[place]) for place in self.candidates]

    def _name(self, kind: ItemKind, value: str) -> str | None:
        if kind == "text" and self.templates:
            return self.templates[0].replace(HOLE, value)
        return None if kind == "blob" else value

    def as_json(self) -> bytes:
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Labels:
    """Content with its images, by SHA-256."""

    content: LabelContent
    blobs: Mapping[str, bytes]
