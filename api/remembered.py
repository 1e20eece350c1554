"""What the ledger remembers of a request for the API; checked, for it comes back from Redis."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from api.items import DistinctItems
from api.lineup import Choice
from api.scoring import Scoring
from common.errors import JobLost
from common.label_sets import LabelSetVersion
from common.protocol import Broken, Count, Item, Words, first_fault
from common.records import JobRecord

log = structlog.get_logger()

LISTS = {"rank": {"/queries", "/candidates"}, "encode": {""}, "label_set": {"/candidates"}}
KINDS = re.compile(r"[tub]*")

Indices: TypeAlias = Annotated[list[Count], Field(strict=True)]
INDICES: TypeAdapter[dict[str, Indices]] = TypeAdapter(dict[str, Indices])
LABEL_SET: TypeAdapter[LabelSetVersion | None] = TypeAdapter(LabelSetVersion | None)
SCORING = TypeAdapter(Scoring)
SIZES: TypeAdapter[Indices] = TypeAdapter(Indices)
MODEL: TypeAdapter[str] = TypeAdapter(Words)


def request(work: DistinctItems, parts: Sequence[list[Item]], choice: Choice) -> dict[str, Any]:
    """What must be remembered of a request to make an answer of the embeddings."""
    sizes = [len(part) for part in parts]
    chosen = {"model": choice.model} if choice.model else {}
    return {**work.request(), "sizes": sizes, **chosen}


def check(record: JobRecord) -> JobRecord:
    """The same job, if its answer can be made of what is remembered of its request.

    Raises:
        JobLost: somebody else wrote into it.
    """
    try:
        _check(record.kind, record.parts, record.request)
    except Broken as error:
        log.warning("record_refused", job=record.id, reason=str(error))
        raise JobLost from None
    return record


def scoring_of(request: dict[str, Any]) -> Scoring:
    """How a request wants its answer made; one from before there was a choice has nothing.

    Raises:
        Broken: it is nothing that a request can ask for.
    """
    try:
        return SCORING.validate_python(request.get("scoring", {}))
    except ValidationError as error:
        raise Broken(first_fault(error)) from None


def label_set_of(request: dict[str, Any]) -> LabelSetVersion | None:
    """The label set that stands in for the candidates of a request or is made of them, if one is.

    Raises:
        Broken: it is none.
    """
    try:
        return LABEL_SET.validate_python(request.get("label_set"))
    except ValidationError as error:
        raise Broken(first_fault(error)) from None


def _expected(kind: str, request: dict[str, Any]) -> list[set[str]]:
    """The lists that a request may have; what a set is to be made of is there beside the set."""
    whole = [LISTS[kind]] if kind in LISTS else []
    label_set = label_set_of(request) if kind == "rank" else None
    if label_set is None:
        return whole
    return [{"/queries"}] if label_set.is_named else [{"/queries"}, *whole]


def is_whole(record: JobRecord) -> bool:
    try:
        check(record)
    except JobLost:
        return False
    return True


def _check(kind: str, parts: int, request: dict[str, Any]) -> None:
    try:
        lists = INDICES.validate_python(request.get("lists"), strict=True)
        sizes = SIZES.validate_python(request.get("sizes"), strict=True)
        MODEL.validate_python(request.get("model", ""), strict=True)
    except ValidationError as error:
        raise Broken(first_fault(error)) from None
    kinds = request.get("kinds")
    if not isinstance(kinds, str) or not KINDS.fullmatch(kinds):
        raise Broken("kinds: are no kinds of items")
    if len(lists.get("/candidates", ())) % scoring_of(request).templates:
        raise Broken("lists: do not have each candidate in each template")
    if set(lists) not in _expected(kind, request):
        raise Broken("lists: are not those of a request")
    if len(sizes) != parts or sum(sizes) != len(kinds):
        raise Broken("sizes: are not those of the parts")
    if any(max(indices, default=0) >= len(kinds) for indices in lists.values()):
        raise Broken("lists: name an item that is none")
