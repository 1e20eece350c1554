"""TIFF 6.0 and BigTIFF."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from common.errors import NotAnImage, TooComplex
from worker.images.limits import Limits, check_parts

MAX_TAGS = 1000
MAX_VALUES = 100_000
"""Of one tag, such as the offsets of an image's strips."""
MAX_PARTS = 100_000
"""Strips or tiles: Pillow builds a table of them from the size that a file claims."""
SMALL_TILE_PIXELS = 2048 * 2048

WIDTH, HEIGHT, COMPRESSION, ROWS_PER_STRIP = 256, 257, 259, 278
STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 273, 279, 324, 325
TILE_WIDTH, TILE_HEIGHT, XMP = 322, 323, 700
UNCOMPRESSED = 1
KEPT = frozenset(
    {WIDTH, HEIGHT, ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT, COMPRESSION}
    | {258, 262, 266, 274, 277, 284, 292, 293, 317, 320}
    | {STRIPS, STRIP_BYTES, TILES, TILE_BYTES}
    | {338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}
    | {XMP}  # it may contain the orientation
)
COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000})
"""None, fax (3), LZW, JPEG, deflate, PackBits, old deflate, Zstandard.

The others are rare, and their decoders are poorly maintained.
"""
MAGICS = {b"II*\x00": "<", b"MM\x00*": ">", b"II+\x00": "<", b"MM\x00+": ">"}
NUMBERS = {1: "B", 3: "H", 4: "L", 16: "Q"}
BYTES = frozenset({1, 7})


def accepts(head: bytes) -> bool:
    return head[:4] in MAGICS


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The file with a single directory, of the first image, that has only the tags it needs."""
    try:
        layout = _Layout.read(content)
        first = layout.first(content)
        limits.check_frames(_count_directories(content, layout, first, limits.max_frames))
        entries = list(_kept_entries(content, layout, first))
        _check_geometry(layout, entries, limits)
        _check_end(content, layout, {entry.tag: entry for entry in entries})
    except struct.error:
        raise NotAnImage from None
    return layout.rebuilt(content, entries)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The binary format of a directory; an entry is (tag, kind, count, data)."""

    order: str
    offset: struct.Struct
    count: struct.Struct
    entry: struct.Struct
    header_bytes: int

    @classmethod
    def read(cls, content: bytes) -> Self:
        order = MAGICS[content[:4]]
        formats = ("Q", "Q", "HHQ8s", 16) if b"+" in content[:4] else ("L", "H", "HHL4s", 8)
        offset, count, entry, header_bytes = formats
        return cls(
            order,
            struct.Struct(order + offset),
            struct.Struct(order + count),
            struct.Struct(order + entry),
            header_bytes,
        )

    def first(self, content: bytes) -> int:
        return int(self.offset.unpack_from(content, self.header_bytes - self.offset.size)[0])

    def tags(self, content: bytes, directory: int) -> int:
        return int(self.count.unpack_from(content, directory)[0])

    def next(self, content: bytes, directory: int) -> int:
        behind = directory + self.count.size + self.tags(content, directory) * self.entry.size
        return int(self.offset.unpack_from(content, behind)[0])

    def rebuilt(self, content: bytes, entries: list["_Entry"]) -> bytes:
        """The file with a new directory at its end."""
        head = content[: self.header_bytes - self.offset.size]
        body = content[self.header_bytes :]
        padding = bytes(-len(content) % 8)
        return b"".join(
            (
                head,
                self.offset.pack(len(content) + len(padding)),
                body,
                padding,
                self.count.pack(len(entries)),
                *(
                    self.entry.pack(entry.tag, entry.kind, entry.count, entry.data)
                    for entry in entries
                ),
                self.offset.pack(0),
            )
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """`data` is the value, or the offset of a value that does not fit."""

    tag: int
    kind: int
    count: int
    data: bytes


def _count_directories(content: bytes, layout: _Layout, first: int, limit: int) -> int:
    """The number of directories, at most one more than `limit`. Stops at a cycle."""
    seen: set[int] = set()
    directory = first
    while directory and directory not in seen and len(seen) <= limit:
        seen.add(directory)
        try:
            directory = layout.next(content, directory)
        except struct.error:
            break
    return len(seen)


def _kept_entries(content: bytes, layout: _Layout, directory: int) -> Iterator[_Entry]:
    tags = layout.tags(content, directory)
    check_parts(tags, MAX_TAGS, "tags")
    seen = set()
    for number in range(tags):
        position = directory + layout.count.size + number * layout.entry.size
        entry = _Entry(*layout.entry.unpack_from(content, position))
        if entry.tag not in KEPT or entry.tag in seen:
            continue
        if entry.tag == XMP and (entry.kind not in BYTES or entry.count > MAX_VALUES):
            continue
        check_parts(entry.count, MAX_VALUES, "values of a tag")
        seen.add(entry.tag)
        yield entry


def _check_geometry(layout: _Layout, entries: list[_Entry], limits: Limits) -> None:
    """Check sizes and counts, before the decoder builds tables from them."""
    numbers = {entry.tag: _number(layout, entry) for entry in entries}
    width, height = numbers.get(WIDTH, 0), numbers.get(HEIGHT, 0)
    if not width or not height:
        raise NotAnImage
    limits.check_size(width, height)
    if numbers.get(COMPRESSION, 1) not in COMPRESSIONS:
        raise NotAnImage("is a TIFF image with an unsupported compression")
    tile_width = numbers.get(TILE_WIDTH) or width
    tile_height = numbers.get(TILE_HEIGHT) or numbers.get(ROWS_PER_STRIP) or height
    parts = -(-width // tile_width) * -(-height // tile_height)
    check_parts(parts, MAX_PARTS, "strips or tiles")
    tile_pixels = tile_width * tile_height if TILE_WIDTH in numbers else 0
    if tile_pixels > max(2 * width * height, SMALL_TILE_PIXELS):
        raise TooComplex("has tiles that are much larger than the image")


def _check_end(content: bytes, layout: _Layout, entries: dict[int, _Entry]) -> None:
    """Check that no uncompressed pixels are missing: the decoder would use what follows instead.

    The last strip may be shorter than its tag says.
    """
    if COMPRESSION in entries and _number(layout, entries[COMPRESSION]) != UNCOMPRESSED:
        return
    offsets = _values(content, layout, entries.get(TILES) or entries.get(STRIPS))
    sizes = _values(content, layout, entries.get(TILE_BYTES) or entries.get(STRIP_BYTES))
    if not offsets or len(offsets) != len(sizes):
        return
    if TILES not in entries and ROWS_PER_STRIP in entries:
        rows = _number(layout, entries[ROWS_PER_STRIP]) or 1
        rest = _number(layout, entries[HEIGHT]) % rows
        sizes[-1] = min(sizes[-1], -(-sizes[0] * rest // rows)) if rest else sizes[-1]
    if any(offset + size > len(content) for offset, size in zip(offsets, sizes, strict=True)):
        raise NotAnImage


def _values(content: bytes, layout: _Layout, entry: _Entry | None) -> list[int]:
    """All values of a tag; none if they are no numbers, or outside the file."""
    if entry is None or entry.kind not in NUMBERS:
        return []
    numbers = struct.Struct(f"{layout.order}{entry.count}{NUMBERS[entry.kind]}")
    if numbers.size <= len(entry.data):
        return list(numbers.unpack_from(entry.data))
    [position] = layout.offset.unpack_from(entry.data)
    return list(numbers.unpack_from(content, position)) if position < len(content) else []


def _number(layout: _Layout, entry: _Entry) -> int:
    """The value of a tag that has a single number, or 0."""
    code = layout.order + NUMBERS.get(entry.kind, "x")
    if code[1:] == "x" or entry.count != 1 or struct.calcsize(code) > len(entry.data):
        return 0
    return int(struct.unpack_from(code, entry.data)[0])
