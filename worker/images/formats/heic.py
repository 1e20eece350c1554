"""HEIC: HEVC in the boxes of ISO/IEC 23008-12, the format of many phones' photos.

Pillow needs a plugin to decode it: see `heif_plugin`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from common.errors import NotAnImage, TooComplex
from worker.images.formats import avif
from worker.images.formats.boxes import (
    MAX_ITEMS,
    MAX_TIMES_CODED,
    SMALL_PIXELS,
    Numbers,
    boxes,
    brands,
    item_data,
    item_kinds,
    locations,
)
from worker.images.formats.hevc import configured_sizes, sequence_sizes
from worker.images.heif_plugin import has_plugin
from worker.images.limits import Limits, check_parts

BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis"} | {b"hevc", b"hevx", b"hevm", b"hevs"}  # sequences
)
CODED = frozenset({b"hvc1", b"hev1"})
MAX_DEPTH = 8
WITHOUT_PLUGIN = (
    "is a HEIC image, which this service cannot decode: install pillow-heif for its workers, or"
    " send JPEG"
)


def accepts(head: bytes) -> bool:
    claimed = brands(head)
    return bool(claimed & BRANDS) and not claimed & avif.BRANDS


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The file unchanged. Sizes are checked, because the decoder allocates what the file claims."""
    if not has_plugin():
        raise NotAnImage(WITHOUT_PLUGIN)
    for size in _read(content).sizes():
        limits.check_size(*size)
    return content


def check_claim(content: bytes, pixels: int) -> None:
    """Check that the main image, its tiles and its alpha plane are about as large as claimed.

    Raises:
        TooComplex: they are much larger.
    """
    if _read(content).coded_pixels() > MAX_TIMES_CODED * max(pixels, SMALL_PIXELS):
        raise TooComplex("has far more pixels in its data than it claims")


def _read(content: bytes) -> "_Images":
    try:
        return _Images.read(content)
    except (struct.error, IndexError):
        raise NotAnImage from None


@dataclass(slots=True)
class _Images:
    """The items of a file: the sizes of coded ones, and the parts of others."""

    primary: int = 0
    coded: dict[int, tuple[int, int]] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    """The tiles of a grid, and what belongs to an item, such as its alpha plane."""

    @classmethod
    def read(cls, content: bytes) -> "_Images":
        images = cls()
        for name, start, end in boxes(content, 0, len(content)):
            if name == b"meta":
                images._read_meta(content, start + 4, end)
        return images

    def sizes(self) -> Iterator[tuple[int, int]]:
        yield from self.coded.values()

    def coded_pixels(self) -> int:
        """The number of pixels that are decoded for the main image."""
        known: dict[int, int] = {}
        for _ in range(MAX_DEPTH):  # each pass adds one level of parts
            known = {
                item: self._own_pixels(item) + sum(known.get(part, 0) for part in parts)
                for item, parts in self.parts.items()
            } | {item: self._own_pixels(item) for item in self.coded if item not in self.parts}
        return known.get(self.primary, 0)

    def _own_pixels(self, item: int) -> int:
        width, height = self.coded.get(item, (0, 0))
        return width * height

    def _read_meta(self, content: bytes, start: int, end: int) -> None:
        kinds: dict[int, bytes] = {}
        places: list[tuple[int, int, int, int]] = []
        sizes: dict[int, tuple[int, int]] = {}
        data_start = 0
        for name, inner, until in boxes(content, start, end):
            match name:
                case b"pitm":
                    self.primary = Numbers(content, inner + 4).read(2 if not content[inner] else 4)
                case b"iinf":
                    kinds |= item_kinds(content, inner, until)
                case b"iref":
                    self._read_references(content, inner, until)
                case b"iprp":
                    sizes |= _configured(content, inner, until)
                case b"iloc":
                    places += locations(content, inner)
                case b"idat":
                    data_start = inner
        coded = {item for item, kind in kinds.items() if kind in CODED}
        self.coded |= {item: sizes.get(item, (0, 0)) for item in coded}
        for item, data in item_data(content, places, coded, data_start).items():
            for size in sequence_sizes(data):
                self.coded[item] = max(self.coded[item], size, key=lambda each: each[0] * each[1])

    def _read_references(self, content: bytes, start: int, end: int) -> None:
        """Read the tiles of grids ("dimg"), and what belongs to images ("auxl")."""
        identity_size = 4 if content[start] else 2
        total = 0
        for name, inner, _ in boxes(content, start + 4, end):
            reader = Numbers(content, inner)
            item = reader.read(identity_size)
            others = [reader.read(identity_size) for _ in range(reader.read(2))]
            total += len(others)
            check_parts(total, MAX_ITEMS, "references between images")
            if name == b"dimg":
                self.parts.setdefault(item, []).extend(others)
            elif name == b"auxl":
                for other in others:
                    self.parts.setdefault(other, []).append(item)


def _configured(content: bytes, start: int, end: int) -> dict[int, tuple[int, int]]:
    """The sizes of items by their properties (ISO/IEC 23008-12, 9.3)."""
    sizes: list[tuple[int, int]] = []
    found: dict[int, tuple[int, int]] = {}
    for name, inner, until in boxes(content, start, end):
        if name == b"ipco":
            for kind, first, last in boxes(content, inner, until):
                own = configured_sizes(content[first:last]) if kind == b"hvcC" else iter(())
                sizes.append(max(own, key=lambda each: each[0] * each[1], default=(0, 0)))
        elif name == b"ipma":
            for item, index in _associations(content, inner):
                if 0 < index <= len(sizes) and sizes[index - 1] != (0, 0):
                    found[item] = sizes[index - 1]
    return found


def _associations(content: bytes, start: int) -> Iterator[tuple[int, int]]:
    reader = Numbers(content, start)
    version, flags = reader.read(1), reader.read(3)
    index_size = 2 if flags & 1 else 1
    total = 0
    for _ in range(reader.read(4)):
        item = reader.read(4 if version else 2)
        for _ in range(reader.read(1)):
            total += 1
            check_parts(total, MAX_ITEMS, "properties of images")
            yield item, reader.read(index_size) & ((1 << 8 * index_size - 1) - 1)
