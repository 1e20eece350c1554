"""JPEG (ITU-T T.81, annex B), and MPO: several JPEGs in a row, of which the first is used."""

import re
import struct

from common.errors import NotAnImage
from worker.images.limits import Limits, check_parts

MAX_SEGMENTS = 1000
MAX_SCANS = 100
MAX_SCANNED_PIXELS = 1_000_000_000
ORDINARY_SCANS = 20
"""Decoding a scan touches all pixels, however short it is. Progressive images have about ten."""

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE
DHT, DAC, DQT, DRI = 0xC4, 0xCC, 0xDB, 0xDD
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, DAC, 0xC8}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
COMPONENTS_OF_FRAME, COMPONENTS_OF_SCAN = 9, 4  # offsets of their number from the marker
KEPT = FRAMES | {DHT, DAC, DQT, DRI, JFIF, ADOBE}
"""The last two determine the colour space."""
EXIF_HEAD = b"Exif\0"

_SIZE = struct.Struct(">HH")
MARKER = re.compile(rb"\xff[^\x00\xff]")
# Within a scan, RST0 to RST7 are part of the data.
MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def accepts(head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff")


def sanitize(content: bytes, limits: Limits) -> bytes:
    """The first image, without its metadata and without the images that follow."""
    kept = [content[:2]]
    frames = segments = width = height = 0
    position = 2
    while True:
        marker, start, end = next_segment(content, position, MARKER)
        segments += 1
        check_parts(segments, MAX_SEGMENTS, "segments")
        position = end
        if marker == SOS:
            break
        if marker in FRAMES:
            frames += 1
            height, width = _SIZE.unpack_from(content[start:end].ljust(9), 5)
            limits.check_size(width, height)
        if marker in KEPT:
            kept.append(content[start:end])
    if frames != 1:
        raise NotAnImage
    max_scans = max(ORDINARY_SCANS, min(MAX_SCANS, MAX_SCANNED_PIXELS // max(1, width * height)))
    kept.append(content[start : _end_of_scans(content, end, segments, max_scans)])
    return b"".join(kept)


def exif(content: bytes) -> bytes:
    """The EXIF metadata of the first image; empty if it has none."""
    position = 2
    while True:
        marker, start, position = next_segment(content, position, MARKER)
        if marker == SOS:
            return b""
        if marker == EXIF and content.startswith(EXIF_HEAD, start + 4):
            return content[start + 10 : position]


def is_in_one_scan(content: bytes) -> bool:
    """Whether there is one scan; with several, a decoder keeps all coefficients in memory."""
    position, components = 2, 0
    while True:
        marker, start, position = next_segment(content, position, MARKER)
        if marker in PROGRESSIVE:
            return False
        if marker in FRAMES:
            components = content[start + COMPONENTS_OF_FRAME]
        if marker == SOS:
            return content[start + COMPONENTS_OF_SCAN] == components


def next_segment(content: bytes, position: int, pattern: re.Pattern[bytes]) -> tuple[int, int, int]:
    """The next marker, its start, and the end of its segment."""
    found = pattern.search(content, position)
    if found is None:
        raise NotAnImage
    start = found.start()
    marker = content[start + 1]
    if marker in (SOI, EOI):
        raise NotAnImage
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    if end < start + 4 or end > len(content):
        raise NotAnImage
    return marker, start, end


def _end_of_scans(content: bytes, position: int, segments: int, max_scans: int) -> int:
    scans = 1
    while found := MARKER_IN_SCAN.search(content, position):
        marker, position = content[found.start() + 1], found.end()
        if marker == EOI:
            return position
        segments += 1
        scans += marker == SOS
        check_parts(segments, MAX_SEGMENTS, "segments")
        check_parts(scans, max_scans, "scans")
        position += int.from_bytes(content[position : position + 2], "big")
    return len(content)
