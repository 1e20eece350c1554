"""From the bytes of a request to JSON, within bounds that hold before anything is built of it."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

import orjson
from flask import Request
from werkzeug.wsgi import get_input_stream

from common.errors import (
    BodyTooLarge,
    BrokenBody,
    NotJson,
    TooManyValues,
    UnsupportedEncoding,
    UnsupportedMediaType,
)

CHUNK_BYTES = 1 << 18
# An item has three keys and three values at most, a bracket, and a comma after each.
TOKENS_PER_ITEM = 12
TOKENS_AROUND = 64
# A string, closed or not, or what begins a value. Possessive, so that it is linear in the body.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,\[{]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body as JSON, or as the JSON that a form stands for.

    `sha256` is that of its content, made only for a request with a key.
    """

    value: object
    sha256: str


def read_json(request: Request, *, max_bytes: int, max_items: int) -> JsonBody:
    """The JSON that a request carries; of a key that stands twice in an object the last counts.

    Raises:
        UnsupportedMediaType, UnsupportedEncoding, NotJson: it is not plain JSON.
        BodyTooLarge, TooManyValues: it has more bytes, or far more values than so many items have.
        BrokenBody: it could not be read to its end.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    raw = bytearray()
    for piece in pieces(request, max_bytes):
        raw += piece
    sha256 = hashlib.sha256(raw).hexdigest() if has_key(request) else ""
    return JsonBody(parse_json(raw, max_items), sha256)


def has_key(request: Request) -> bool:
    """Whether a request must be told from others that have its idempotency key."""
    return "Idempotency-Key" in request.headers


def parse_json(raw: bytes | bytearray, max_items: int) -> object:
    """JSON as values. Raises NotJson, TooManyValues."""
    if has_more_tokens(raw, TOKENS_AROUND + TOKENS_PER_ITEM * max_items):
        raise TooManyValues
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        words = f"{error.msg} at line {error.lineno}, column {error.colno}"
    else:
        return value
    # Raised out here: the error holds a copy of the body, and would live on as this one's context.
    raise NotJson(words)


def has_more_tokens(raw: bytes | bytearray, most: int) -> bool:
    """Whether JSON has more tokens than that; a token is a string, a comma, or an opening bracket.

    No JSON has more values than tokens, give or take one. Strings are skipped only where counting
    what is in them too gives more than is allowed: that is much slower, and hardly ever needed.
    """
    if sum(map(raw.count, (b'"', b",", b"[", b"{"))) <= most:
        return False
    return next(islice(TOKEN.finditer(raw), most, None), None) is not None


def pieces(request: Request, most: int, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """A body as it comes, to its end, in pieces of so many bytes at most.

    Raises:
        UnsupportedEncoding: it is compressed.
        BodyTooLarge: it has more bytes than `most`.
        BrokenBody: it could not be read to its end.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding
    length = request.content_length
    if length is not None and length > most:
        raise BodyTooLarge
    # One more than is allowed, because the stream ends silently at its own limit.
    stream = get_input_stream(request.environ, max_content_length=most + 1)
    count = 0
    while piece := _piece(stream, size):
        count += len(piece)
        if count > most:
            raise BodyTooLarge
        yield piece
    if length is not None and count < length:
        raise BrokenBody


def _piece(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except Exception:  # noqa: BLE001 - each server has errors of its own for a body it cannot read
        raise BrokenBody from None
