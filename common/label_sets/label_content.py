"""The content of a label set, and its summary."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from common.ledger.records import LabelSetVersion
from common.protocol.messages import HOLE, Alpha, Item, ItemKind, Templates

VERSION_CHARS = 16


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The summary of a set: it has `count` candidates; `created` is an epoch time."""

    name: str
    version: str
    count: int
    created: float

    @property
    def of(self) -> LabelSetVersion:
        return LabelSetVersion(self.name, self.version)


@dataclass(frozen=True, slots=True)
class LabelContent:
    """The candidates of a set.

    `items` are distinct, and `candidates` are indices into them. Texts are put into each of the
    `templates`, if there are any; images have the `alpha`.
    """

    items: list[tuple[ItemKind, str]]
    candidates: list[int]
    templates: Templates
    alpha: Alpha = "drop"

    @property
    def wanted(self) -> Iterator[Item]:
        """The items to encode; none of them is a query."""
        for kind, value in self.items:
            if kind == "text":
                yield Item(kind, value, 0, required=True, templates=self.templates)
            else:
                yield Item(kind, value, 0, required=True, alpha=self.alpha)

    @property
    def version(self) -> str:
        return hashlib.sha256(self.as_json()).hexdigest()[:VERSION_CHARS]

    @property
    def count(self) -> int:
        return len(self.candidates)

    @property
    def names(self) -> list[str | None]:
        """The name of each candidate: its text in the first template, or its URL.

        None for an uploaded image.
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
    """Content with its images, by Item.blob."""

    content: LabelContent
    blobs: Mapping[str, bytes]
