"""What a precision costs: how near its embeddings are to those in float32."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from common.protocol.messages import Vectors
from worker.images.decode import DecodedImage
from worker.model.encoder import Encoder
from worker.model.load_errors import ModelLoadError

log = structlog.get_logger()

SIDE = 256
"""Of a sample image, in pixels."""
TEXTS = (
    "a photo of a cat",
    "two dogs on a beach at sunset",
    "red",
    "a technical drawing of a bicycle, black lines on white paper",
    "Invoice No. 4711, 19.90 EUR",
    "crowded street in the rain; neon signs reflect in the puddles, and people carry umbrellas",
    "ein Apfel auf einem Tisch",
    "一只猫",
    "🍕",
    "x",
)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Of the sample images and texts, a row each."""

    images: Vectors
    texts: Vectors


def sample_embeddings(encoder: Encoder) -> Embeddings:
    """The embeddings of the samples, computed in a batch of images and one of texts."""
    images = [encoder.prepare_image(DecodedImage.of(image)) for image in sample_images()]
    texts = encoder.prepare_texts(TEXTS)
    return Embeddings(encoder.encode_images(images), encoder.encode_texts(texts))


def check_precision(
    dtype: str, found: Embeddings, in_float32: Embeddings, min_cosine: float
) -> None:
    """Compare the samples' embeddings with those in float32, and log the lowest cosines.

    Raises:
        ModelLoadError: one is below `min_cosine`, unless that is 0.
    """
    images = _lowest_cosine(found.images, in_float32.images)
    texts = _lowest_cosine(found.texts, in_float32.texts)
    log.info(
        "precision_checked",
        dtype=dtype,
        min_cosine_of_images=round(images, 5),
        min_cosine_of_texts=round(texts, 5),
    )
    if min_cosine and not (images >= min_cosine and texts >= min_cosine):
        raise ModelLoadError(
            f"{dtype} changes its embeddings too much: the lowest cosine to float32 is"
            f" {images:.4f} for sample images and {texts:.4f} for texts; set another CLIP_DTYPE,"
            f" or a lower CLIP_MIN_COSINE than {min_cosine:g}"
        )


def sample_images() -> Iterator[npt.NDArray[np.uint8]]:
    """Gradients, shapes, edges as of text, and a texture: always the same, (SIDE, SIDE, 3) each."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    noise = np.random.default_rng(1)
    letters = np.kron(noise.integers(0, 2, (32, 32)), np.ones((8, 8))) * (y * 16 % 2 < 1)
    clouds = np.kron(noise.random((16, 16, 3)), np.ones((16, 16, 1)))
    disc = np.hypot(x - 0.5, y - 0.4) < 0.25  # noqa: PLR2004
    box = (abs(x - 0.7) < 0.2) & (abs(y - 0.7) < 0.15)  # noqa: PLR2004
    yield _image(x, y, 1 - x)
    yield _image(np.where(disc, 0.9, 0.1), np.where(box, 0.8, 0.3), np.where(disc, 0.1, 0.6))
    yield _image(1 - letters, 1 - letters, 1 - letters)
    yield _image(*(np.sin(40 * (x + y)) / 2 + 0.5, np.cos(25 * x) / 2 + 0.5, y))
    yield _image(*np.moveaxis(clouds, 2, 0))
    yield _image(*noise.random((3, SIDE, SIDE)))


def _image(*channels: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Red, green and blue, from 0 to 1."""
    return np.ascontiguousarray(np.stack(channels, axis=2) * 255).astype(np.uint8)


def _lowest_cosine(some: Vectors, others: Vectors) -> float:
    return float((_units(some) * _units(others)).sum(axis=1).min())


def _units(vectors: Vectors) -> npt.NDArray[np.float64]:
    exact = vectors.astype(np.float64)
    units: npt.NDArray[np.float64] = exact / np.maximum(
        np.linalg.norm(exact, axis=1, keepdims=True), np.finfo(np.float64).tiny
    )
    return units
