"""Maps the service's pointers to the queries of the call."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clip_api_client.answers import FaultBody
from clip_api_client.errors import ClipError, Fault, ItemError, item_error
from clip_api_client.pieces import Piece

MAX_LISTED = 3


@dataclass(frozen=True, slots=True)
class Places:
    """The positions of a piece's queries in a request.

    `pointer` is that of their list, and `sent` are their indices in the piece.
    """

    piece: Piece
    pointer: str
    sent: tuple[int, ...]

    @classmethod
    def of_all(cls, piece: Piece, pointer: str) -> "Places":
        return cls(piece, pointer, tuple(range(len(piece.queries))))

    def place(self, pointer: str) -> int | None:
        """The index in the piece of the query at a pointer; None if there is none."""
        found = re.match(rf"{re.escape(self.pointer)}/(\d+)(/|$)", pointer)
        return self.sent[int(found[1])] if found and int(found[1]) < len(self.sent) else None

    def errors(self, faults: Iterable[FaultBody | Fault]) -> dict[int, ItemError]:
        """The errors of queries, by their indices in the piece."""
        return {
            place: item_error(fault := self.fault(each), self._subject(fault))
            for each in faults
            if (place := self.place(each.pointer)) is not None
        }

    def locate(self, error: ClipError) -> None:
        """Replace the pointers of an error by indices in the call, and by names in its message."""
        if not error.faults:
            return
        error.faults = tuple(self.fault(fault) for fault in error.faults)
        details = [
            f"{self._subject(fault)} {fault.detail}".strip() for fault in error.faults[:MAX_LISTED]
        ]
        more = len(error.faults) - len(details)
        error.detail = "; ".join(details) + (f"; and {more} more" if more else "")
        error.args = (error.detail,)

    def fault(self, fault: FaultBody | Fault) -> Fault:
        place = self.place(fault.pointer)
        index = None if place is None else self.piece.start + place
        return Fault(fault.pointer, fault.code, fault.detail, index)

    def _subject(self, fault: Fault) -> str:
        """The subject of a fault: a query's name or number, or else the pointer."""
        if fault.index is None:
            return fault.pointer
        return self.piece.queries[fault.index - self.piece.start].name or f"#{fault.index}"
