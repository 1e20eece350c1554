"""How images and texts compare as a worker computes it: in each precision, and from JPEG files.

Needs the requirements of the worker too.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.images.decode import DecodedImage, EncodedImage
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source

BATCH = 32
JPEG_QUALITY = 90
LIMITS = Limits(max_pixels=50_000_000, max_frames=1)

Input = TypeVar("Input")
Vectors: TypeAlias = NDArray[np.float32]


class Served:
    """The encoder of a worker on a CPU. Its vectors have the length 1."""

    def __init__(self, folder: Path, precision: str) -> None:
        self._encoder = ClipEncoder(open_checkpoint(Source(str(folder))), "cpu", precision)

    def images(self, images: Iterable[DecodedImage]) -> Vectors:
        """Return the vectors of decoded images, a row each; only one image is held at a time."""
        prepared = [self._encoder.prepare_image(image) for image in images]
        return _in_batches(self._encoder.encode_images, prepared)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, a row each."""
        return _in_batches(self._encoder.encode_texts, self._encoder.prepare_texts(texts))

    def decoded(self, content: bytes, *, draft: bool) -> DecodedImage:
        """Return a file's image as a worker decodes it, with `CLIP_JPEG_DRAFT` or without."""
        image = EncodedImage.open(content, LIMITS)
        min_size = self._encoder.smallest_useful(*image.size)
        if draft and min_size:
            image.shrink(min_size)
        return image.decode()


def as_file(image: Image.Image, form: str) -> bytes:
    """Return an image as a JPEG or PNG file; a JPEG is as wide as a photograph of its height."""
    if form == "JPEG":
        width = image.height * 4 // 3
        wide = Image.new("RGB", (width, image.height), "white")
        wide.paste(image, ((width - image.width) // 2, 0))
        image = wide
    file = io.BytesIO()
    image.save(file, form, quality=JPEG_QUALITY)
    return file.getvalue()


def _in_batches(encode: Callable[[list[Input]], Vectors], inputs: Sequence[Input]) -> Vectors:
    found = [encode(list(inputs[at : at + BATCH])) for at in range(0, len(inputs), BATCH)]
    vectors = np.concatenate(found)
    units: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
