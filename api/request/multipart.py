"""From the bytes of a `multipart/form-data` request to its parts, in memory and within bounds."""

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

from api.request.body import pieces
from common.errors import BodyTooLarge, BrokenForm

MULTIPART = "multipart/form-data"
MOST_BOUNDARY_CHARS = 200
MOST_HEADER_CHARS = 1024
# The headers of a part are read once all of them are there, in time that grows with their square.
PIECE_BYTES = 1 << 14
MOST_BUFFERED_BYTES = 2 * PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form; a file is what came with a file name."""

    name: str
    is_file: bool
    content: bytes


def read_parts(request: Request, *, max_bytes: int, max_parts: int) -> list[Part]:
    """The parts of a form, in order. Nothing is written to disk: all of it is in memory anyway.

    Raises:
        UnsupportedEncoding, BodyTooLarge, BrokenBody: see `pieces`; too many parts are too large a
            body too.
        BrokenForm: it is no form, has no boundary, or breaks off.
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
    """What the decoder finds, until the end of the form and of the body."""
    boundary = request.mimetype_params.get("boundary", "")
    if not 0 < len(boundary) <= MOST_BOUNDARY_CHARS or not boundary.isascii():
        raise BrokenForm("the header Content-Type names no boundary")
    decoder = MultipartDecoder(boundary.encode(), MOST_BUFFERED_BYTES)
    for piece in pieces(request, max_bytes, PIECE_BYTES):
        yield from _decoded(decoder, piece)
    yield from _decoded(decoder, None)


def _decoded(decoder: MultipartDecoder, piece: bytes | None) -> Iterator[Event]:
    try:
        decoder.receive_data(piece)
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            yield event
    except RequestEntityTooLarge:
        raise BodyTooLarge("the form has too much beside its parts") from None
    except ValueError:
        raise BrokenForm from None


def _checked(head: Field | File) -> Field | File:
    """The head of a part, unless what there is to be read of it is without measure."""
    if sum(len(name) + len(value) for name, value in head.headers) > MOST_HEADER_CHARS:
        raise BrokenForm("the headers of a part are too long")
    if not head.name:
        raise BrokenForm("a part has no name")
    return head
