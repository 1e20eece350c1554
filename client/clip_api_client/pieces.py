"""Splits queries into pieces: requests of limited count and size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clip_api_client.errors import Fault, ItemError, UnreadableImage, item_error
from clip_api_client.queries import Item, Query
from clip_api_client.steps import Blocking, Steps

MAX_QUERIES = 64
MAX_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Queries of one request; `start` is the index of the first in the call."""

    start: int
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """The queries of a piece to send; the keys of both are indices in the piece."""

    items: dict[int, Item]
    unreadable: dict[int, ItemError]


def cut(
    queries: Iterable[Query], max_queries: int = MAX_QUERIES, max_bytes: int = MAX_BYTES
) -> Iterator[Piece]:
    """Split queries lazily, without reading files."""
    start, gathered, weight = 0, list[Query](), 0
    for query in queries:
        added = query.weight
        if gathered and (len(gathered) == max_queries or weight + added > max_bytes):
            yield Piece(start, tuple(gathered))
            start, gathered, weight = start + len(gathered), [], 0
        gathered.append(query)
        weight += added
    if gathered:
        yield Piece(start, tuple(gathered))


def pack(piece: Piece, *, allow_partial: bool) -> Steps[Packed]:
    """Read a piece's files. Raises UnreadableImage unless these may be left out."""

    def read() -> Packed:
        packed = Packed({}, {})
        for place, query in enumerate(piece.queries):
            try:
                packed.items[place] = query.item()
            except UnreadableImage as error:
                fault = Fault("", error.code, error.detail, piece.start + place)
                fault_of_item = item_error(fault, query.name)
                if not allow_partial:
                    raise fault_of_item from error
                packed.unreadable[place] = fault_of_item
        return packed

    packed: Packed = yield Blocking(read)
    return packed


def unnamed(count: int) -> Piece:
    """Unknown queries: those of a job that another client submitted."""
    return Piece(0, (Query(None),) * count)
