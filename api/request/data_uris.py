"""Images in a string: base64 (RFC 4648, 4 and 5) or a data: URI (RFC 2397)."""

import base64
import binascii

import numpy as np

from common.errors import InvalidBase64

WHITE_SPACE = " \t\r\n"
SCHEME, BASE64 = "data:", "base64"
MAX_CHARS_BEFORE = 64
SLICE_CHARS = 1 << 16
PERCENT, NO_DIGIT = ord("%"), 16
URL_SAFE = (("-", "+"), ("_", "/"))

DIGITS = np.full(256, NO_DIGIT, dtype=np.uint8)
"""The value of each character as a hexadecimal digit."""
DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = range(16)
DIGITS[np.frombuffer(b"ABCDEF", np.uint8)] = range(10, 16)


def is_data_uri(text: str) -> bool:
    start = text[:MAX_CHARS_BEFORE].lstrip(WHITE_SPACE)
    return start[: len(SCHEME)].lower() == SCHEME


def decode_blob(text: str) -> bytes:
    """The bytes of a data: URI, or of base64 with or without line breaks and padding.

    A data: URI may be of any media type, in base64 or percent-encoded.

    Raises:
        InvalidBase64: it is empty or neither of them.
    """
    if not is_data_uri(text):
        return _decode_base64(text)
    head, comma, data = text.partition(",")
    if not comma:
        raise InvalidBase64("is a data URI without a comma")
    if _is_base64(head):
        return _decode_base64(_unquoted(data).decode("latin-1") if "%" in data else data)
    if not data:
        raise InvalidBase64("is empty")
    return _unquoted(data)


def _is_base64(head: str) -> bool:
    tail = head.rstrip(WHITE_SPACE)
    if tail[-len(BASE64) :].lower() != BASE64:
        return False
    return tail[: -len(BASE64)].rstrip(WHITE_SPACE).endswith((";", ":"))


def _decode_base64(digits: str) -> bytes:
    for mark in WHITE_SPACE:  # 20 times as fast as a pattern if there is none
        digits = digits.replace(mark, "")
    for mark, plain in URL_SAFE:
        digits = digits.replace(mark, plain)
    digits = digits.rstrip("=")
    if not digits:
        raise InvalidBase64("is empty")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidBase64 from None


def _unquoted(text: str) -> bytes:
    """Percent-decoded, in slices; other text is unchanged (RFC 3986, 2.1)."""
    decoded = bytearray()
    start = 0
    while start < len(text):
        end = start + SLICE_CHARS
        cut = text.rfind("%", end - 2, end)  # an escape that the slice would split
        end = end if cut < 0 else cut
        decoded += _unquoted_piece(text[start:end].encode("utf-8", "surrogatepass"))
        start = end
    return bytes(decoded)


def _unquoted_piece(text: bytes) -> bytes:
    """Ten times as fast as urllib, which makes an object of each escape."""
    codes = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(codes[:-2] == PERCENT)
    high, low = DIGITS[codes[places + 1]], DIGITS[codes[places + 2]]
    is_escape = (high | low) < NO_DIGIT
    places = places[is_escape]
    decoded, kept = codes.copy(), np.ones(len(codes), dtype=bool)
    decoded[places] = high[is_escape] << 4 | low[is_escape]
    kept[places + 1] = kept[places + 2] = False
    return decoded[kept].tobytes()
