"""An image of more than 8 bits decodes as its copy of 8 bits does."""

import numpy as np
import pytest
from PIL import Image

from tests.deep_images import COLOURED, GREYS, deep_png, saved
from tests.images import encoded, noise
from tests.processes import DEMO_MODEL
from worker.images.decode import EncodedImage, Pixels
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source

LIMITS = Limits(1_000_000, max_frames=10)


def decoded(content: bytes) -> Pixels:
    return EncodedImage.open(content, LIMITS).decode().pixels


def shades() -> Image.Image:
    """Grey, and from black to white."""
    pixels = np.asarray(noise(100, 80, "L")).astype(float)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", "float32")


def cosine(encoder: ClipEncoder, one: bytes, other: bytes) -> float:
    prepared = [
        encoder.prepare_image(EncodedImage.open(content, LIMITS).decode())
        for content in (one, other)
    ]
    first, second = encoder.encode_images(prepared)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.mark.parametrize("kind", GREYS)
def test_a_deep_grey_image_is_encoded_as_its_twin(encoder: ClipEncoder, kind: str) -> None:
    grey = shades()
    deep = GREYS[kind](np.asarray(grey))
    assert np.abs(decoded(deep).astype(int) - np.asarray(grey.convert("RGB"))).max() <= 1
    assert cosine(encoder, deep, encoded(grey)) >= 0.99


@pytest.mark.parametrize("kind", COLOURED)
def test_so_is_one_in_colour(encoder: ClipEncoder, kind: str) -> None:
    image = noise(100, 80)
    deep = COLOURED[kind](np.asarray(image))
    assert np.abs(decoded(deep).astype(int) - np.asarray(image)).max() <= 1
    assert cosine(encoder, deep, encoded(image)) >= 0.99


def test_a_dark_image_of_16_bits_stays_dark() -> None:
    dark = np.asarray(shades()) // 8
    got = decoded(deep_png(dark.astype(np.uint16) * 257))
    assert np.abs(got[..., 0].astype(int) - dark).max() <= 1


def test_values_that_are_no_numbers_are_black_or_white() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 0.5, 1.0]], dtype=np.float32)
    assert decoded(saved(values))[0, :, 0].tolist() == [0, 255, 0, 128, 255]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_an_image_of_one_shade_keeps_it(value: float) -> None:
    got = decoded(saved(np.full((3, 4), value, dtype=np.float32)))
    assert set(got.ravel().tolist()) == {round(255 * value)}


def test_a_large_one_is_scaled_in_strips() -> None:
    values = np.tile(np.arange(700, dtype=np.uint16) * 93, (900, 1))
    got = decoded(deep_png(values))
    assert np.array_equal(got[0], got[-1])
    assert got[0, :, 0].tolist() == np.rint(values[0] / 257).astype(int).tolist()
