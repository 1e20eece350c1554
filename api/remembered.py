"""What the ledger remembers of a request for the API; checked, for it comes back from Redis."""

import re
from typing import Annotated, Any, TypeAlias

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from common.errors import JobLost
from common.protocol import Broken, Count, first_fault
from common.records import JobRecord

log = structlog.get_logger()

LISTS = {"rank": {"/queries", "/candidates"}, "encode": {""}}
KINDS = re.compile(r"[tub]*")

Indices: TypeAlias = Annotated[list[Count], Field(strict=True)]
INDICES: TypeAdapter[dict[str, Indices]] = TypeAdapter(dict[str, Indices])
SIZES: TypeAdapter[Indices] = TypeAdapter(Indices)


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
    except ValidationError as error:
        raise Broken(first_fault(error)) from None
    kinds = request.get("kinds")
    if not isinstance(kinds, str) or not KINDS.fullmatch(kinds):
        raise Broken("kinds: are no kinds of items")
    if set(lists) != LISTS.get(kind):
        raise Broken("lists: are not those of a request")
    if len(sizes) != parts or sum(sizes) != len(kinds):
        raise Broken("sizes: are not those of the parts")
    if any(max(indices, default=0) >= len(kinds) for indices in lists.values()):
        raise Broken("lists: name an item that is none")
