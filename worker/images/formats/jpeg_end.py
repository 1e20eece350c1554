"""Tells JPEGs that lack only their end marker, as every browser shows them, from truncated ones.

A decoder silently fills in what is missing before an end marker. So a file without one is decoded
with several endings: all give the same pixels only if nothing had to be filled in.
"""

import re

from common.errors import NotAnImage
from worker.images.formats.jpeg import (
    DRI,
    FRAMES,
    MARKER,
    MARKER_IN_SCAN,
    PROGRESSIVE,
    SOS,
    next_segment,
)

END = b"\xff\xd9"
ENDINGS = tuple(
    bytes.fromhex(filling) + END
    for filling in (
        "4bf5122f344554c53bde2ebb8cd2b7e3",
        "dbc1b4c900e48d575b5da5c638040125",
        "084fed08b978af4d7d196a7446a86b58",
    )
)
"""Random bytes, each longer than what a decoder reads ahead."""
MANY_ZEROS = 32
"""Recovered files are padded with zeros; hardly any scan ends with as many, or with two."""
COEFFICIENTS, BLOCK = 64, 8
UNKNOWN_BITS = 99

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def ends(content: bytes) -> bool:
    """Whether a sanitized JPEG has an end marker."""
    return content.endswith(END)


def without_end(content: bytes) -> bytes:
    """The data of a sanitized JPEG without an end marker, for one of the ENDINGS to follow.

    Raises:
        NotAnImage: whole scans or parts of the last one are missing.
    """
    data = content.rstrip(b"\0")
    zeros = len(content) - len(data)
    if zeros:
        data += bytes(min(zeros, 2) if zeros >= MANY_ZEROS else zeros)
    elif data.endswith(b"\xff"):  # half an end marker
        data = data[:-1]
    _Walk(data).check()
    return data


class _Walk:
    """A walk over the scans of a JPEG, to find what is missing."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._size = (0, 0)
        self._sampling: dict[int, tuple[int, int]] = {}
        self._is_progressive = False
        self._missing_bits: dict[int, list[int]] = {}
        self._restart_every = 0

    def check(self) -> None:
        """Raise NotAnImage unless all scans are present, the last one up to its last restart."""
        content, position = self._content, 2
        restarts = scan_at = 0
        while content.find(b"\xff", position) >= 0:
            marker, start, position = next_segment(content, position, MARKER)
            segment = content[start + 4 : position]
            if marker in FRAMES:
                self._begin_frame(marker, segment)
            elif marker == DRI:
                self._restart_every = int.from_bytes(segment[:2], "big")
            elif marker == SOS:
                scan_at, restarts = position, self._begin_scan(segment)
                found = MARKER_IN_SCAN.search(content, position)
                if found is None:
                    break
                position = found.start()
        is_whole = sum(1 for _ in _RESTART.finditer(content, scan_at)) >= restarts
        if not is_whole or any(map(any, self._missing_bits.values())):
            raise NotAnImage

    def _begin_frame(self, marker: int, segment: bytes) -> None:
        self._is_progressive = marker in PROGRESSIVE
        height, width = (int.from_bytes(segment[at : at + 2], "big") for at in (1, 3))
        self._size = (width, height)
        components = [segment[at : at + 3] for at in range(6, 6 + 3 * segment[5], 3)]
        self._sampling = {each[0]: (each[1] >> 4 or 1, each[1] & 15 or 1) for each in components}
        self._missing_bits = {name: [UNKNOWN_BITS] * COEFFICIENTS for name in self._sampling}

    def _begin_scan(self, segment: bytes) -> int:
        """Note what the scan has, and return the number of its restart markers."""
        count = segment[0]
        names = [segment[at] for at in range(1, 1 + 2 * count, 2)]
        first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
        if not self._is_progressive:
            first, last, bits = 0, COEFFICIENTS - 1, 0
        for name in names:
            for coefficient in range(first, min(last, COEFFICIENTS - 1) + 1):
                self._missing_bits[name][coefficient] = bits & 15
        if not self._restart_every:
            return 0
        return (self._units(names) - 1) // self._restart_every

    def _units(self, names: list[int]) -> int:
        """The number of MCUs in a scan (ITU-T T.81, A.2)."""
        across = max(each[0] for each in self._sampling.values())
        down = max(each[1] for each in self._sampling.values())
        width, height = self._size
        if len(names) > 1:
            return _parts(width, BLOCK * across) * _parts(height, BLOCK * down)
        own_across, own_down = self._sampling[names[0]]
        columns = _parts(_parts(width * own_across, across), BLOCK)
        rows = _parts(_parts(height * own_down, down), BLOCK)
        return columns * rows


def _parts(length: int, size: int) -> int:
    """The number of parts of this size in a length; the last may be smaller."""
    return -(-length // size)
