"""AVIF (aomediacodec.github.io/av1-avif), in the boxes of ISO/IEC 14496-12 and 23008-12."""

import struct
from collections.abc import Iterator

from common.errors import NotAnImage, TooComplex
from worker.images.formats.av1 import sequence_sizes
from worker.images.limits import Limits, check_parts

BRANDS = frozenset({b"avif", b"avis", b"mif1", b"msf1"})
BOX_HEAD_BYTES = 8
MAX_BOXES = 10_000
MAX_ITEMS = 10_000
LONG = 1  # this length means: a 64-bit length follows the name
IN_FILE, IN_BOX = 0, 1  # construction methods: where an item's data are
MAX_TIMES_CODED = 3
"""The image, its alpha plane and a thumbnail."""
SMALL_PIXELS = 1_000_000


def accepts(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS


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
    for name, start, end in _boxes(content, 0, len(content)):
        if name == b"meta":
            for data in _items(content, start + 4, end):
                yield from sequence_sizes(data, 0, len(data))
        elif name == b"moov":
            _check_samples(content, start, end, limits)
            for offset in _first_chunks(content, start, end):
                yield from sequence_sizes(content, offset, len(content))


def _boxes(content: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The names of boxes, and the start and end of their payloads."""
    boxes = 0
    while position + BOX_HEAD_BYTES <= end:
        boxes += 1
        check_parts(boxes, MAX_BOXES, "boxes")
        length = int.from_bytes(content[position : position + 4], "big")
        head = BOX_HEAD_BYTES
        if length == LONG:
            head = 2 * BOX_HEAD_BYTES
            length = int.from_bytes(content[position + 8 : position + 16], "big")
        until = min(position + length, end) if length else end
        if until < position + head:
            return
        yield content[position + 4 : position + 8], position + head, until
        position = until


def _items(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """The data of AV1 items."""
    places: list[tuple[int, int, int, int]] = []
    coded: set[int] = set()
    data_start = 0
    for name, inner, until in _boxes(content, start, end):
        if name == b"iloc":
            places += _locations(content, inner)
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
    for name, inner, _ in _boxes(content, start, end):
        wide = content[inner] > 2  # noqa: PLR2004 - the version with 32 bits
        item, _protection, kind = struct.unpack_from(
            ">LH4s" if wide else ">HH4s", content, inner + 4
        )
        if name == b"infe" and kind == b"av01":
            yield item


def _locations(content: bytes, position: int) -> Iterator[tuple[int, int, int, int]]:
    """(item, method, offset, length) of every extent; ISO/IEC 14496-12, 8.11.3."""
    reader = _Numbers(content, position)
    version = reader.read(1)
    reader.read(3)
    sizes = reader.read(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    identity_size = 4 if version == 2 else 2  # noqa: PLR2004
    extents = 0
    for _ in range(reader.read(identity_size)):
        item = reader.read(identity_size)
        method = reader.read(2) & 15 if version else IN_FILE
        reader.read(2)
        base = reader.read(base_size)
        for _ in range(reader.read(2)):
            extents += 1
            check_parts(extents, MAX_ITEMS, "pieces of data")
            reader.read(index_size)
            offset = base + reader.read(offset_size)
            yield item, method, offset, reader.read(length_size)


class _Numbers:
    def __init__(self, content: bytes, position: int) -> None:
        self._content = content
        self._position = position

    def read(self, size: int) -> int:
        end = self._position + size
        if end > len(self._content):
            raise IndexError
        value = int.from_bytes(self._content[self._position : end], "big")
        self._position = end
        return value


def _check_samples(content: bytes, start: int, end: int, limits: Limits) -> None:
    for position in _found(content, b"stsz", start, end):
        limits.check_frames(int.from_bytes(content[position + 12 : position + 16], "big"))


def _first_chunks(content: bytes, start: int, end: int) -> Iterator[int]:
    """The position of the first frame of each track."""
    for name, size in ((b"stco", 4), (b"co64", 8)):
        for position in _found(content, name, start, end):
            yield int.from_bytes(content[position + 12 : position + 12 + size], "big")


def _found(content: bytes, name: bytes, start: int, end: int) -> Iterator[int]:
    """All positions of a name, at any nesting."""
    count = 0
    while (start := content.find(name, start, end)) >= 0:
        count += 1
        check_parts(count, MAX_BOXES, "boxes")
        yield start
        start += len(name)
