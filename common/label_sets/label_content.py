"""The content of a label set, and its summary."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

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


def label_of(kind: ItemKind, value: str, templates: Templates) -> str | None:
    """The label of a candidate: its text as it was put, or its URL; None for an uploaded image.

    `value` is what the model encodes: in a single template the text is part of it.
    """
    if kind == "text" and len(templates) == 1:
        before, _, after = templates[0].partition(HOLE)
        return value[len(before) : len(value) - len(after)]
    return None if kind == "blob" else value


@dataclass(frozen=True, slots=True)
class LabelContent:
    """The candidates of a set.

    `items` are distinct, and `candidates` are indices into them. Texts are put into each of the
    `templates`, if there are several; a single `template` is part of the texts already. Sets of
    earlier releases do not say which it was. Images have the `alpha`.
    """

    items: list[tuple[ItemKind, str]]
    candidates: list[int]
    templates: Templates
    alpha: Alpha = "drop"
    template: str = ""

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
    def given_templates(self) -> Templates:
        """The templates as they were put."""
        return self.templates or ((self.template,) if self.template else ())

    @property
    def given(self) -> list[tuple[ItemKind, str | None]]:
        """The kind and the label of each candidate."""
        templates = self.given_templates
        of_items = [(kind, label_of(kind, value, templates)) for kind, value in self.items]
        return [of_items[place] for place in self.candidates]

    @property
    def labels(self) -> list[str | None]:
        return [label for _, label in self.given]

    def as_json(self) -> bytes:
        """Without an empty `template`, so that the versions of earlier releases stay."""
        fields = asdict(self)
        if not self.template:
            del fields["template"]
        return orjson.dumps(fields)


@dataclass(frozen=True, slots=True)
class Labels:
    """Content with its images, by Item.blob."""

    content: LabelContent
    blobs: Mapping[str, bytes]
