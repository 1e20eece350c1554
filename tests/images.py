"""Images for tests, drawn from a seed."""

import base64
import io

import numpy as np
from PIL import Image


def noise(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Coarse coloured noise: it keeps its look through JPEG and resizing."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(cells).resize((width, height), Image.Resampling.BILINEAR)
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def blob(content: bytes) -> dict[str, str]:
    return {"img_blob": base64.b64encode(content).decode()}


def image_item(seed: int = 0, width: int = 96, height: int = 80) -> dict[str, str]:
    return blob(encoded(noise(width, height, seed=seed)))
