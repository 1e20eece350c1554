"""A validated request: what to encode, for whom, at which priority, and by when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from common.label_sets.label_content import Labels, label_of
from common.ledger.records import PLAIN, Idempotency, Kind, LabelSetVersion, RequestRecord, Scoring
from common.protocol.messages import Alpha, Item, ItemKind, Priority, Templates

KIND_LETTERS: dict[ItemKind, str] = {"text": "t", "uri": "u", "blob": "b"}
DATA_URI_LETTER = "d"
KEY_OF_LETTER = {"t": "text", "u": "img_uri", "b": "img_blob", DATA_URI_LETTER: "img_uri"}


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that a request names; `pointer` is a JSON Pointer, empty for the query string.

    `alias` is what the client wrote, if that is another name of the model.
    """

    name: str
    pointer: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class EncodeSpec:
    """What to encode for a request, and how to score it.

    `items` are distinct. `lists` maps the JSON Pointer of each list in the request to the indices
    of its items. `blobs` are the images' bytes by Item.blob. A `label_set` replaces the candidates.
    `data_uris` are the indices of items that were data: URIs. `templates` are those of the request,
    `alpha` is that of its images.
    """

    items: Sequence[Item]
    lists: Mapping[str, Sequence[int]]
    blobs: Mapping[str, bytes]
    scoring: Scoring = PLAIN
    label_set: LabelSetVersion | None = None
    data_uris: frozenset[int] = frozenset()
    templates: Templates = ()
    alpha: Alpha = "drop"

    @property
    def inputs(self) -> int:
        """The number of texts and uploaded images; images behind URLs wait for their hosts."""
        return sum(item.inputs for item in self.items if item.kind != "uri")

    @property
    def labels(self) -> list[str | None]:
        """The labels of the candidates; none if a label set has them."""
        if self.label_set:
            return []
        items = (self.items[index] for index in self.lists.get("/candidates", ()))
        return [label_of(item.kind, item.value, self.templates) for item in items]

    def record(
        self,
        parts: Sequence[Sequence[Item]],
        model: str,
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> RequestRecord:
        """What the ledger keeps, to make an answer of the embeddings."""
        return RequestRecord(
            lists=self.lists,
            kinds="".join(
                DATA_URI_LETTER if index in self.data_uris else KIND_LETTERS[item.kind]
                for index, item in enumerate(self.items)
            ),
            sizes=[len(part) for part in parts],
            scoring=self.scoring,
            label_set=self.label_set,
            model=model,
            metadata=metadata,
        )

    def with_candidates(self, labels: Labels) -> "EncodeSpec":
        """The spec plus the candidates of its label set."""
        content = labels.content
        items = list(self.items)
        places = {_identity(item): n for n, item in enumerate(items)}
        indices = []
        for wanted in content.wanted:
            index = places.setdefault(_identity(wanted), len(items))
            if index == len(items):
                items.append(wanted)
            else:
                items[index] = replace(items[index], required=True)
            indices.append(index)
        lists = {**self.lists, "/candidates": [indices[place] for place in content.candidates]}
        blobs = {**self.blobs, **labels.blobs}
        return replace(self, items=items, lists=lists, blobs=blobs)


def _identity(item: Item) -> tuple[object, ...]:
    """Equal for items that are one thing to encode."""
    return item.kind, item.value, item.templates, item.alpha


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request.

    `deadline` is the instant of time.monotonic() until which the client waits. `owner` identifies
    its API key; empty if no keys are configured. `trace` is a W3C traceparent, or empty. A job
    keeps the `metadata`.
    """

    kind: Kind
    spec: EncodeSpec
    priority: Priority
    deadline: float
    owner: str
    request_id: str
    model: NamedModel | None = None
    callback: str = ""
    idempotency: Idempotency | None = None
    trace: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
