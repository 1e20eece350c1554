"""BMP, the Windows bitmap."""

from common.errors import TooComplex
from worker.images.limits import Limits, check_parts

MAX_RLE_PIXELS = 4_000_000
MAX_RLE_BYTES = 4_000_000
"""Pillow decodes run lengths in Python, run by run and pixel by pixel."""

RLE8, RLE4 = 1, 2
INFO_HEADER_BYTES = 40


def accepts(head: bytes) -> bool:
    return head.startswith(b"BM")


def sanitize(content: bytes, limits: Limits) -> bytes:
    header_bytes = int.from_bytes(content[14:18], "little")
    if header_bytes < INFO_HEADER_BYTES or int.from_bytes(content[30:34], "little") not in (
        RLE8,
        RLE4,
    ):
        return content
    width = int.from_bytes(content[18:22], "little")
    height = abs(int.from_bytes(content[22:26], "little", signed=True))
    limits.check_size(width, height)
    if width * height > MAX_RLE_PIXELS:
        raise TooComplex(f"has more than the {MAX_RLE_PIXELS} run-length encoded pixels allowed")
    check_parts(len(content), MAX_RLE_BYTES, "bytes of run lengths")
    return content
