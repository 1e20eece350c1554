"""From the bytes of a `multipart/form-data` request to its parts, in memory and within limits."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from api.errors import BodyTooLarge, BrokenForm
from api.request.body import pieces

MULTIPART = "multipart/form-data"
MAX_BOUNDARY_CHARS = 200
MAX_HEADER_CHARS = 1024
# The decoder takes time quadratic in the length of a part's headers.
PIECE_BYTES = 1 << 14
MAX_BUFFERED_BYTES = 2 * PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form; a file if it has a file name."""

    name: str
    is_file: bool
    content: bytes


def read_parts(request: Request, *, max_bytes: int, max_parts: int) -> list[Part]:
    """The parts of a form, in order; nothing is written to disk.

    Raises:
        UnsupportedEncoding, BodyTooLarge, BrokenBody: see `pieces`; BodyTooLarge also for too many
            parts.
        BrokenForm: it is not a form, has no boundary, or is incomplete.
    """
    parts: list[Part] = []
    head: Field | File | None = None
    content: list[bytes] = []
    for event in _events(request, max_bytes):
        if isinstance(event, Field | File):
            if len(parts) == max_parts:
                raise BodyTooLarge(f"the form has more than {max_parts} parts")
            head, content = _checked(event), []
        elif isinstance(event, Data) and head is not None:
            content.append(event.data)
            if not event.more_data:
                parts.append(Part(head.name, isinstance(head, File), b"".join(content)))
    return parts


def _events(request: Request, max_bytes: int) -> Iterator[Event]:
    """The decoder's events, until the end of the form and of the body."""
    boundary = request.mimetype_params.get("boundary", "")
    if not 0 < len(boundary) <= MAX_BOUNDARY_CHARS or not boundary.isascii():
        raise BrokenForm("the header Content-Type has no valid boundary")
    decoder = MultipartDecoder(boundary.encode(), MAX_BUFFERED_BYTES)
    for piece in pieces(request, max_bytes, PIECE_BYTES):
        yield from _decoded(decoder, piece)
    yield from _decoded(decoder, None)


def _decoded(decoder: MultipartDecoder, piece: bytes | None) -> Iterator[Event]:
    try:
        decoder.receive_data(piece)
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            yield event
    except RequestEntityTooLarge:
        raise BodyTooLarge("the form has too much data outside its parts") from None
    except ValueError:
        raise BrokenForm from None


def _checked(head: Field | File) -> Field | File:
    """The head of a part. Raises BrokenForm if it has no name or its headers are too long."""
    if sum(len(name) + len(value) for name, value in head.headers) > MAX_HEADER_CHARS:
        raise BrokenForm("the headers of a part are too long")
    if not head.name:
        raise BrokenForm("a part has no name")
    return head
