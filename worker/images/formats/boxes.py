"""The boxes of ISO/IEC 14496-12 and 23008-12, in which AVIF and HEIC keep their images."""

import struct
from collections.abc import Iterator

from common.errors import TooComplex
from worker.images.limits import check_parts

BOX_HEAD_BYTES = 8
MAX_BOXES = 10_000
MAX_ITEMS = 10_000
LONG = 1  # this length means: a 64-bit length follows the name
IN_FILE, IN_BOX = 0, 1  # construction methods: where an item's data are
MAX_TIMES_CODED = 3
"""The image, its alpha plane and a thumbnail."""
SMALL_PIXELS = 1_000_000


def brands(head: bytes) -> frozenset[bytes]:
    """The brands in the first bytes of a file; none if it is no such file."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(len(head), int.from_bytes(head[:4], "big"))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, end, 4))})


def boxes(content: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
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


def locations(content: bytes, position: int) -> Iterator[tuple[int, int, int, int]]:
    """(item, method, offset, length) of every extent; ISO/IEC 14496-12, 8.11.3."""
    reader = Numbers(content, position)
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


def item_kinds(content: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Items and their coding; ISO/IEC 14496-12, 8.11.6. A file may claim several for one item."""
    entries = start + (6 if content[start] == 0 else 8)
    for name, inner, _ in boxes(content, entries, end):
        wide = content[inner] > 2  # noqa: PLR2004 - the version with 32 bits
        item, _, kind = struct.unpack_from(">LH4s" if wide else ">HH4s", content, inner + 4)
        if name == b"infe":
            yield item, kind


def item_data(
    content: bytes, places: list[tuple[int, int, int, int]], items: set[int], data_start: int
) -> dict[int, bytes]:
    """The data of these items."""
    pieces: dict[int, list[bytes]] = {item: [] for item in items}
    total = 0
    for item, method, offset, length in places:
        if item in items:
            begin = offset + (data_start if method == IN_BOX else 0)
            pieces[item].append(content[begin : begin + (length or len(content))])
            total += len(pieces[item][-1])
            if total > len(content):
                raise TooComplex("uses the same data more than once")
    return {item: b"".join(parts) for item, parts in pieces.items()}


class Numbers:
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


def found(content: bytes, name: bytes, start: int, end: int) -> Iterator[int]:
    """All positions of a name, at any nesting."""
    count = 0
    while (start := content.find(name, start, end)) >= 0:
        count += 1
        check_parts(count, MAX_BOXES, "boxes")
        yield start
        start += len(name)
