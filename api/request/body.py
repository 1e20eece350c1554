"""From the bytes of a request to JSON, within limits that are checked first."""

import codecs
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

import orjson
from flask import Request
from werkzeug.wsgi import get_input_stream

from api.errors import (
    BodyTooLarge,
    BrokenBody,
    InvalidRequest,
    ItemFault,
    NotJson,
    TooManyValues,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from api.request.schemas import Item, Prompts
from common.protocol.messages import HOLE

CHUNK_BYTES = 1 << 18
UNDECLARED = ("", "application/x-www-form-urlencoded")
"""The Content-Types of clients that set none: `curl -d` then sends the second."""
BOM = codecs.BOM_UTF8
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# An item has three keys and three values at most, a bracket, and a comma after each.
TOKENS_PER_ITEM = 12
TOKENS_AROUND = 128
# A string, closed or not, or a token before a value. Possessive, so that matching is linear.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,\[{]', re.DOTALL)
ADDED_CHARS_PER_PROMPT = 100
"""How much templates may add to a request, for each prompt that it may have."""


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body as JSON, or the JSON equivalent of a form.

    `sha256` is the digest of its content; empty without an idempotency key.
    """

    value: object
    sha256: str


def read_json(
    request: Request, *, max_bytes: int, max_items: int, is_lenient: bool = False
) -> JsonBody:
    """The JSON of a request; if a key is repeated within an object, the last one counts.

    If it `is_lenient`, a request whose client set no Content-Type is read as JSON too.

    Raises:
        UnsupportedMediaType, UnsupportedEncoding, NotJson: it is not plain JSON.
        BodyTooLarge, TooManyValues: it has too many bytes, or far too many values.
        BrokenBody: it could not be read to its end.
    """
    if not request.is_json and not (is_lenient and request.mimetype in UNDECLARED):
        raise UnsupportedMediaType("the body must be application/json")
    raw = bytearray()
    for piece in pieces(request, max_bytes):
        raw += piece
    sha256 = hashlib.sha256(raw).hexdigest() if has_key(request) else ""
    return JsonBody(parse_json(raw, max_items), sha256)


def has_key(request: Request) -> bool:
    """Whether a request has an idempotency key."""
    return "Idempotency-Key" in request.headers


def parse_json(raw: bytes | bytearray, max_items: int) -> object:
    """JSON in UTF-8, with or without a byte order mark, as values.

    Raises:
        NotJson, TooManyValues
    """
    if raw.startswith(UTF_16):
        raise NotJson("the body is UTF-16; JSON must be UTF-8")
    check_tokens(raw, max_items)
    try:
        value: object = orjson.loads(memoryview(raw)[len(BOM) :] if raw.startswith(BOM) else raw)
    except orjson.JSONDecodeError as error:
        detail = f"{error.msg} at line {error.lineno}, column {error.colno}"
    else:
        return value
    # Not within `except`: as the context of this error, the other would keep a copy of the body.
    raise NotJson(detail)


def check_tokens(raw: bytes | bytearray, max_items: int) -> None:
    """Raise TooManyValues if JSON has far more values than this many items need."""
    if has_more_tokens(raw, TOKENS_AROUND + TOKENS_PER_ITEM * max_items):
        raise TooManyValues


def has_more_tokens(raw: bytes | bytearray, limit: int) -> bool:
    """Whether JSON has more than `limit` tokens: strings, commas and opening brackets.

    JSON has no more values than tokens, give or take one. The first count includes characters
    within strings; the exact count, which is much slower, is rarely needed.
    """
    if sum(map(raw.count, (b'"', b",", b"[", b"{"))) <= limit:
        return False
    return next(islice(TOKEN.finditer(raw), limit, None), None) is not None


def pieces(request: Request, max_bytes: int, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """A request's body as it arrives, in pieces of at most `size` bytes.

    Raises:
        UnsupportedEncoding: it is compressed.
        BodyTooLarge: it has more than `max_bytes`.
        BrokenBody: it could not be read to its end.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding
    length = request.content_length
    if length is not None and length > max_bytes:
        raise BodyTooLarge
    # One more than allowed, because the stream ends silently at its own limit.
    stream = get_input_stream(request.environ, max_content_length=max_bytes + 1)
    count = 0
    while piece := _piece(stream, size):
        count += len(piece)
        if count > max_bytes:
            raise BodyTooLarge
        yield piece
    if length is not None and count < length:
        raise BrokenBody


def _piece(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except Exception:  # noqa: BLE001 - servers raise different errors for an unreadable body
        raise BrokenBody from None


def check_count(items: object, limit: int, pointer: str) -> None:
    """Raise InvalidRequest if this is an array of more items than the limit."""
    if isinstance(items, list) and len(items) > limit:
        fault = ItemFault(pointer, "too_many", f"has {len(items)} items; the limit is {limit}")
        raise InvalidRequest([fault])


def check_prompts(candidates: Sequence[Item], prompts: Prompts, limit: int) -> None:
    """Raise InvalidRequest if candidates and templates together make too many or too long texts.

    The texts are not built for it: a small request could make a thousand times its size.
    """
    templates = prompts.prompts
    texts = [len(item.text) for item in candidates if item.text is not None]
    given, made = sum(texts), len(candidates) * len(templates)
    added = len(templates) * given + len(texts) * sum(map(_chars_around, templates)) - given
    max_added = limit * ADDED_CHARS_PER_PROMPT
    if len(templates) > 1 and made > limit:
        detail = f"makes {made} texts of {len(candidates)} candidates; the limit is {limit}"
    elif added > max_added:
        detail = f"adds {added} characters to the candidates; the limit is {max_added}"
    else:
        return
    pointer = "/template" if prompts.templates is None else "/templates"
    raise InvalidRequest([ItemFault(pointer, "too_many", detail)])


def _chars_around(template: str) -> int:
    return len(template) - len(HOLE)
