"""From the items of a request to the distinct items to encode."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from api.errors import InvalidRequest, ItemFault
from api.request import schemas
from api.request.data_uris import decode_blob, is_data_uri
from api.request.request import EncodeSpec
from common.errors import ImageTooLarge, ItemError, NotAnImage, TextTooLong, UrlRefused
from common.ledger.records import PLAIN, LabelSetVersion, Scoring
from common.protocol.messages import (
    HOLE,
    MAX_URL_CHARS,
    Alpha,
    Item,
    ItemKind,
    Templates,
    blob_name,
)
from common.urls import web_address

LONG_TEXT_CHARS = 1024


@dataclass
class ItemCollector:
    """Collects the distinct items of a request, each once however often it occurs.

    `faults` are those of single items; `data_uris` are the indices of items that were data: URIs;
    `templates` are those of the request.
    """

    max_image_bytes: int
    max_text_chars: int
    fetch_urls: bool = True
    alpha: Alpha = "drop"
    items: list[Item] = field(default_factory=list)
    lists: dict[str, list[int]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    faults: list[ItemFault] = field(default_factory=list)
    data_uris: set[int] = field(default_factory=set)
    templates: Templates = ()
    _index: dict[tuple[ItemKind, str, Templates], int] = field(default_factory=dict)

    def add(
        self,
        items: Sequence[schemas.Item],
        pointer: str,
        *,
        are_queries: bool,
        required: bool,
        templates: Sequence[str] = (HOLE,),
    ) -> None:
        """Add a list of the request; its texts are put into the templates."""
        indices = self.lists.setdefault(pointer, [])
        for position, item in enumerate(items):
            try:
                identified = self._identify(item, templates)
            except ItemError as error:
                where = f"{pointer}/{position}/{_key_of(item)}"
                self.faults.append(ItemFault(where, error.code, error.detail))
            else:
                queries = int(are_queries)
                count = len(self.items)
                index = self._place(*identified, queries=queries, required=required)
                indices.append(index)
                if index == count and item.img_uri is not None and identified[0] == "blob":
                    self.data_uris.add(index)

    def spec(
        self, scoring: Scoring = PLAIN, label_set: LabelSetVersion | None = None
    ) -> EncodeSpec:
        """The collected items. Raises InvalidRequest if an item is at fault."""
        if self.faults:
            raise InvalidRequest(self.faults)
        return EncodeSpec(
            self.items,
            self.lists,
            self.blobs,
            scoring,
            label_set,
            data_uris=frozenset(self.data_uris),
            templates=self.templates,
            alpha=self.alpha,
        )

    def _identify(
        self, item: schemas.Item, templates: Sequence[str]
    ) -> tuple[ItemKind, str, Templates]:
        """The kind, value and templates of an item; a text in one template is a plain text."""
        if item.text is None:
            return (*self._identify_image(item), ())
        longest = max(map(len, templates)) - len(HOLE) + len(item.text)
        if longest > self.max_text_chars:
            raise TextTooLong(f"has {longest} characters; the limit is {self.max_text_chars}")
        if len(templates) == 1:
            return "text", templates[0].replace(HOLE, item.text), ()
        return "text", item.text, tuple(templates)

    def _identify_image(self, item: schemas.Item) -> tuple[ItemKind, str]:
        given = item.img_blob if item.img_uri is None else item.img_uri
        if item.img_uri is not None and not is_data_uri(item.img_uri):
            if not self.fetch_urls:
                raise UrlRefused("is a URL, and this service fetches no URLs")
            return "uri", checked_url(item.img_uri)
        content = given if isinstance(given, bytes) else decode_blob(given or "")
        if not content:
            raise NotAnImage("is empty")
        if len(content) > self.max_image_bytes:
            raise ImageTooLarge(f"has {len(content)} bytes; the limit is {self.max_image_bytes}")
        digest = hashlib.sha256(content).hexdigest()
        self.blobs[blob_name(digest, self.alpha)] = content
        return "blob", digest

    def _place(
        self, kind: ItemKind, value: str, templates: Templates, *, queries: int, required: bool
    ) -> int:
        index = self._index.setdefault((kind, value, templates), len(self.items))
        if index == len(self.items):
            alpha = "drop" if kind == "text" else self.alpha
            self.items.append(Item(kind, value, queries, required, templates, alpha))
        else:
            known = self.items[index]
            self.items[index] = replace(
                known, queries=known.queries + queries, required=known.required or required
            )
        return index


def cut(items: Sequence[Item], images: int, texts_per_image: int = 32) -> list[list[Item]]:
    """Cut a job's items into parts of about equal work: a text weighs a fraction of an image.

    A long text weighs more, so that the texts of a part have at most about a megabyte.
    """
    parts: list[list[Item]] = []
    room = 0
    for item in items:
        weight = _weight(item) if item.kind == "text" else texts_per_image
        if weight > room:
            parts.append([])
            room = images * texts_per_image
        parts[-1].append(item)
        room -= weight
    return parts


def _weight(text: Item) -> int:
    """The weight of a text in all its templates, computed without making those texts."""
    chars = (len(each) - len(HOLE) + len(text.value) for each in text.templates or (HOLE,))
    return sum(1 + count // LONG_TEXT_CHARS for count in chars)


def _key_of(item: schemas.Item) -> str:
    return next(kind for kind in schemas.KINDS if getattr(item, kind) is not None)


def checked_url(url: str) -> str:
    """The URL as a browser sends it. Raises UrlRefused if it is not an http or https URL."""
    _check_length(url)  # before any work on it
    try:
        address = web_address(url)
    except ValueError:
        raise UrlRefused("is not an http or https URL") from None
    _check_length(address)
    return address


def _check_length(url: str) -> None:
    if len(url) > MAX_URL_CHARS:
        raise UrlRefused(f"has {len(url)} characters; the limit is {MAX_URL_CHARS}")
