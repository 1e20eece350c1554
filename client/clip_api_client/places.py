"""From the service's pointers back to the queries of the call."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clip_api_client.answers import FaultBody
from clip_api_client.errors import ClipError, Fault, ItemError, item_error
from clip_api_client.pieces import Piece

MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Places:
    """Which queries of a piece stand where in a request.

    `pointer` leads to their list, and `sent` are their places in the piece.
    """

    piece: Piece
    pointer: str
    sent: tuple[int, ...]

    @classmethod
    def of_all(cls, piece: Piece, pointer: str) -> "Places":
        return cls(piece, pointer, tuple(range(len(piece.queries))))

    def place(self, pointer: str) -> int | None:
        """The place in the piece of the query that a pointer leads to, if it leads to one."""
        found = re.match(rf"{re.escape(self.pointer)}/(\d+)(/|$)", pointer)
        return self.sent[int(found[1])] if found and int(found[1]) < len(self.sent) else None

    def errors(self, told: Iterable[FaultBody | Fault]) -> dict[int, ItemError]:
        """The errors of queries, by their places in the piece."""
        return {
            place: item_error(fault := self.fault(each), self._subject(fault))
            for each in told
            if (place := self.place(each.pointer)) is not None
        }

    def locate(self, error: ClipError) -> None:
        """Have the faults of an error tell places in the call, and its words tell names."""
        if not error.faults:
            return
        error.faults = tuple(self.fault(fault) for fault in error.faults)
        told = [
            f"{self._subject(fault)} {fault.detail}".strip() for fault in error.faults[:MOST_TOLD]
        ]
        more = len(error.faults) - len(told)
        error.detail = "; ".join(told) + (f"; and {more} more" if more else "")
        error.args = (error.detail,)

    def fault(self, told: FaultBody | Fault) -> Fault:
        place = self.place(told.pointer)
        index = None if place is None else self.piece.start + place
        return Fault(told.pointer, told.code, told.detail, index)

    def _subject(self, fault: Fault) -> str:
        """What a fault is told of: a query by its name or number, else a place in the request."""
        if fault.index is None:
            return fault.pointer
        return self.piece.queries[fault.index - self.piece.start].name or f"#{fault.index}"
