"""AVIF (aomediacodec.github.io/av1-avif), in the boxes of ISO/IEC 14496-12 and 23008-12."""

import struct
from collections.abc import Iterator

from common.errors import NotAnImage, TooComplex
from worker.images.formats.av1 import sequence_sizes
from worker.images.formats.boxes import (
    IN_BOX,
    MAX_TIMES_CODED,
    SMALL_PIXELS,
    boxes,
    brands,
    found,
    locations,
)
from worker.images.limits import Limits

BRANDS = frozenset({b"avif", b"avis"})
OPEN_BRANDS = frozenset({b"mif1", b"msf1"})
"""They do not say how an image is coded."""


def accepts(head: bytes) -> bool:
    """Files of HEIC, which is tried first, may have the open brands too."""
    return bool(brands(head) & (BRANDS | OPEN_BRANDS))


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The file unchanged. Its claimed sizes are checked, because decoders allocate by them."""
    try:
        for size in _coded_sizes(content, limits):
            limits.check_size(*size)
    except (struct.error, IndexError):
        raise NotAnImage from None
    return content


def check_claim(content: bytes, pixels: int, limits: Limits) -> None:
    """Check that the coded images, tiles included, are about as large as the file claims.

    Raises:
        TooComplex: they are much larger.
    """
    coded = sum(width * height for width, height in _coded_sizes(content, limits))
    if coded > MAX_TIMES_CODED * max(pixels, SMALL_PIXELS):
        raise TooComplex("has far more pixels in its data than its header claims")


def _coded_sizes(content: bytes, limits: Limits) -> Iterator[tuple[int, int]]:
    for name, start, end in boxes(content, 0, len(content)):
        if name == b"meta":
            for data in _items(content, start + 4, end):
                yield from sequence_sizes(data, 0, len(data))
        elif name == b"moov":
            _check_samples(content, start, end, limits)
            for offset in _first_chunks(content, start, end):
                yield from sequence_sizes(content, offset, len(content))


def _items(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """The data of AV1 items."""
    places: list[tuple[int, int, int, int]] = []
    coded: set[int] = set()
    data_start = 0
    for name, inner, until in boxes(content, start, end):
        if name == b"iloc":
            places += locations(content, inner)
        elif name == b"iinf":
            entries = inner + (6 if content[inner] == 0 else 8)
            coded |= set(_av1_items(content, entries, until))
        elif name == b"idat":
            data_start = inner
    pieces: dict[int, list[bytes]] = {item: [] for item in coded}
    total = 0
    for item, method, offset, length in places:
        if item in coded:
            begin = offset + (data_start if method == IN_BOX else 0)
            pieces[item].append(content[begin : begin + (length or len(content))])
            total += len(pieces[item][-1])
            if total > len(content):
                raise TooComplex("uses the same data more than once")
    for parts in pieces.values():
        yield b"".join(parts)


def _av1_items(content: bytes, start: int, end: int) -> Iterator[int]:
    for name, inner, _ in boxes(content, start, end):
        wide = content[inner] > 2  # noqa: PLR2004 - the version with 32 bits
        item, _protection, kind = struct.unpack_from(
            ">LH4s" if wide else ">HH4s", content, inner + 4
        )
        if name == b"infe" and kind == b"av01":
            yield item


def _check_samples(content: bytes, start: int, end: int, limits: Limits) -> None:
    for position in found(content, b"stsz", start, end):
        limits.check_frames(int.from_bytes(content[position + 12 : position + 16], "big"))


def _first_chunks(content: bytes, start: int, end: int) -> Iterator[int]:
    """The position of the first frame of each track."""
    for name, size in ((b"stco", 4), (b"co64", 8)):
        for position in found(content, name, start, end):
            yield int.from_bytes(content[position + 12 : position + 12 + size], "big")
