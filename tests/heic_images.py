"""HEIC files, where what encodes them is installed."""

import struct

import pytest
from PIL import Image

from tests.images import encoded
from worker.images.heif_plugin import has_plugin

needs_plugin = pytest.mark.skipif(not has_plugin(), reason="pillow-heif is not installed")


def heic(image: Image.Image, orientation: int = 1, **options: object) -> bytes:
    """As phones make it: the orientation stands in the EXIF metadata, and as a rotation too."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "HEIF", exif=exif.tobytes(), **options)


def with_size(content: bytes, width: int, height: int) -> bytes:
    """The same, with another size than its data have."""
    place = content.index(b"ispe") + 8
    return content[:place] + struct.pack(">LL", width, height) + content[place + 8 :]
