"""Encodes arrays of pixels as PNG, using only zlib."""

import struct
import zlib
from typing import Any, Protocol

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""Channels → colour type of the PNG specification: grey, RGB, RGBA."""
FAST = 1


class PixelArray(Protocol):
    """A numpy array, or a compatible object."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

    def tobytes(self) -> bytes:
        """The pixels, row by row."""


def png_of(pixels: PixelArray) -> bytes:
    """Encode H×W×3 (or H×W, H×W×1, H×W×4) pixels of 8 bits.

    Raises:
        TypeError: it has another shape or type.
    """
    described = pixels.__array_interface__
    shape: tuple[int, ...] = tuple(described["shape"])
    height, width, channels = (*shape, 1)[:3] if len(shape) in (2, 3) else (0, 0, 0)
    if described["typestr"][1:] != "u1" or channels not in COLOUR_TYPES or not height * width:
        given = f"{described['typestr']} of {'×'.join(map(str, shape))}"
        raise TypeError(f"an array of pixels is uint8 of H×W×3, not {given}")
    content, row = memoryview(pixels.tobytes()), width * channels
    unfiltered = b"".join(
        piece for y in range(height) for piece in (b"\0", content[y * row : (y + 1) * row])
    )
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(unfiltered, FAST)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
