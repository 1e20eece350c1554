"""Images of more than 8 bits for each channel, most of which Pillow cannot write."""

import struct
import zlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.hostile_images import png_chunk, png_head
from tests.images import encoded

Pixels = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8]
GREY, COLOURS = 0, 2
SHORT, LONG = 3, 4
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
ENTRIES = 9
Order = Literal["<", ">"]


def deep_png(pixels: Pixels) -> bytes:
    """A PNG of 16 bits; grey if the pixels are of shape (height, width)."""
    height, width = pixels.shape[:2]
    rows = [b"\0" + row.astype(">u2").tobytes() for row in pixels]
    colour = GREY if pixels.ndim == 2 else COLOURS
    data = png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return png_head(width, height, 16, colour) + data + png_chunk(b"IEND", b"")


def deep_tiff(
    pixels: Pixels, order: Order = "<", *, bits: int = 0, white_is_zero: bool = False
) -> bytes:
    """An uncompressed TIFF of whatever kind of numbers the pixels are, or of 12 `bits`."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    depth = bits or 8 * pixels.dtype.itemsize
    data = packed(pixels) if bits else pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    kind = {"u": UNSIGNED, "i": SIGNED, "f": FLOAT}[pixels.dtype.kind]

    def short(tag: int, value: int) -> bytes:
        return struct.pack(f"{order}HHLHH", tag, SHORT, 1, value, 0)

    def long(tag: int, value: int) -> bytes:
        return struct.pack(f"{order}HHLL", tag, LONG, 1, value)

    def several(tag: int, place: int) -> bytes:
        return struct.pack(f"{order}HHLL", tag, SHORT, samples, place)

    behind = 8 + 2 + 12 * ENTRIES + 4
    entries = [
        long(256, width),
        long(257, height),
        short(258, depth) if samples == 1 else several(258, behind),
        short(259, 1),
        short(262, 2 if samples > 1 else int(not white_is_zero)),
        long(273, behind + 4 * samples),
        short(277, samples),
        long(279, len(data)),
        short(339, kind) if samples == 1 else several(339, behind + 2 * samples),
    ]
    assert len(entries) == ENTRIES
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}LH", 8, ENTRIES)
    values = struct.pack(f"{order}{2 * samples}H", *[depth] * samples, *[kind] * samples)
    return head + b"".join(entries) + bytes(4) + values + data


def packed(pixels: Pixels) -> bytes:
    """12 bits each, an even number in a row."""
    first, second = pixels[:, ::2].astype(np.uint32), pixels[:, 1::2].astype(np.uint32)
    both = first << 12 | second
    return np.stack([both >> 16, both >> 8 & 255, both & 255], axis=-1).astype(np.uint8).tobytes()


def saved(pixels: Pixels, kind: str = "TIFF") -> bytes:
    return encoded(Image.fromarray(pixels), kind)


def _wide(grey: Grey) -> npt.NDArray[np.uint16]:
    return grey.astype(np.uint16) * 257


GREYS: dict[str, Callable[[Grey], bytes]] = {
    "png": lambda grey: deep_png(_wide(grey)),
    "tiff": lambda grey: deep_tiff(_wide(grey)),
    "big-endian tiff": lambda grey: deep_tiff(_wide(grey), ">"),
    "tiff where white is zero": lambda grey: deep_tiff(_wide(255 - grey), white_is_zero=True),
    "deflated tiff": lambda grey: encoded(
        Image.fromarray(_wide(grey)), "TIFF", compression="tiff_adobe_deflate"
    ),
    "8 bits in 16": lambda grey: deep_png(grey.astype(np.uint16)),
    "12 bits in 16": lambda grey: deep_png(grey.astype(np.uint16) << 4),
    "10 bits in 16": lambda grey: deep_tiff(grey.astype(np.uint16) << 2),
    "12 bits": lambda grey: deep_tiff(grey.astype(np.uint16) << 4, bits=12),
    "signed 16 bits": lambda grey: deep_tiff(grey.astype(np.int16) << 7),
    "signed 16 bits, below zero": lambda grey: deep_tiff((_wide(grey) - 32768.0).astype(np.int16)),
    "big-endian signed 16 bits": lambda grey: deep_tiff(grey.astype(np.int16) << 7, ">"),
    "integers to 255": lambda grey: saved(grey.astype(np.int32)),
    "integers to 65,535": lambda grey: saved(_wide(grey).astype(np.int32)),
    "unsigned integers": lambda grey: deep_tiff(grey.astype(np.uint32) * 0x01010101),
    "floats to 1": lambda grey: saved((grey / 255).astype(np.float32)),
    "floats to 255": lambda grey: saved(grey.astype(np.float32)),
    "floats to 65,535": lambda grey: saved(_wide(grey).astype(np.float32)),
    "floats with highlights": lambda grey: saved((grey / 200).astype(np.float32)),
    "floats below zero": lambda grey: saved((grey / 127.5 - 1).astype(np.float32)),
    "big-endian floats": lambda grey: deep_tiff((grey / 255).astype(np.float32), ">"),
}
"""Each makes a twin of an image of 8 bits, grey."""

COLOURED: dict[str, Callable[[Pixels], bytes]] = {
    "png": lambda rgb: deep_png(_wide(rgb)),
    "tiff": lambda rgb: deep_tiff(_wide(rgb)),
    "big-endian tiff": lambda rgb: deep_tiff(_wide(rgb), ">"),
}
"""The same of one in RGB."""
