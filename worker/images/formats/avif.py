"""AVIF (aomediacodec.github.io/av1-avif), in the boxes of ISO/IEC 14496-12 and 23008-12."""

import struct
from collections.abc import Iterator

from common.errors import NotAnImage, TooComplex
from worker.images.formats.av1 import sequence_sizes
from worker.images.formats.boxes import (
    MAX_TIMES_CODED,
    SMALL_PIXELS,
    boxes,
    brands,
    found,
    item_data,
    item_kinds,
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
            kinds = item_kinds(content, inner, until)
            coded |= {item for item, kind in kinds if kind == b"av01"}
        elif name == b"idat":
            data_start = inner
    yield from item_data(content, places, coded, data_start).values()


def _check_samples(content: bytes, start: int, end: int, limits: Limits) -> None:
    for position in found(content, b"stsz", start, end):
        limits.check_frames(int.from_bytes(content[position + 12 : position + 16], "big"))


def _first_chunks(content: bytes, start: int, end: int) -> Iterator[int]:
    """The position of the first frame of each track."""
    for name, size in ((b"stco", 4), (b"co64", 8)):
        for position in found(content, name, start, end):
            yield int.from_bytes(content[position + 12 : position + 12 + size], "big")
