"""Images that no cache has seen: a few drawn ones, each with a hole for a number."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

HOLE = "uniqueuniqueuniq"
"""16 characters of base64 within an image, and nowhere else. Any 16 digits may replace them."""

START_OF_IMAGE = b"\xff\xd8"
COMMENT = b"\xff\xfe"
POOL = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """Width and height in pixels; strong grain makes a file as large as a photograph's."""

    width: int
    height: int
    grain: int


PHOTO = Kind(640, 480, grain=8)
"""About 80 kB: what a shop or a phone app sends."""
THUMBNAIL = Kind(128, 96, grain=6)
"""About 4 kB: decoding costs next to nothing, so the service's own cost shows."""


def draw(kind: Kind, seed: int) -> bytes:
    """A JPEG of coloured clouds with grain, the same for the same seed."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    clouds = Image.fromarray(cells).resize((kind.width, kind.height), Image.Resampling.BICUBIC)
    grain = generator.normal(0, kind.grain, (kind.height, kind.width, 1))
    pixels = np.clip(np.asarray(clouds) + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def with_hole(jpeg: bytes) -> str:
    """The image in base64, with HOLE as a comment at its start.

    A comment changes the bytes and hence every cache's key, and costs a decoder nothing. Its six
    bytes of head are eight characters of base64, so the hole is not smeared.
    """
    text = base64.b64decode(HOLE)
    segment = COMMENT + (len(text) + 2).to_bytes(2, "big") + text
    return base64.b64encode(START_OF_IMAGE + segment + jpeg[2:]).decode()


def pool(kind: Kind) -> list[bytes]:
    return [draw(kind, seed) for seed in range(POOL)]
