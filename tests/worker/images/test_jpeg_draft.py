"""JPEGs decoded at a fraction of their size: for much less, and with nearly the same outcome."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import TooManyPixels
from tests.images import encoded, noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import save_tiny_model
from worker.images.decode import EncodedImage, Pixels, Size
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source

LIMITS = Limits(max_pixels=2_000_000, max_frames=10)
WIDTH, HEIGHT = 803, 601
"""Multiples of no block of any scale."""

JPEGS = {
    "baseline": encoded(noise(WIDTH, HEIGHT), "JPEG"),
    "progressive": encoded(noise(WIDTH, HEIGHT), "JPEG", progressive=True),
    "grey": encoded(noise(WIDTH, HEIGHT, "L"), "JPEG"),
    "cmyk": encoded(noise(WIDTH, HEIGHT, "CMYK"), "JPEG"),
    "mpo": encoded(
        noise(WIDTH, HEIGHT), "MPO", save_all=True, append_images=[noise(WIDTH, HEIGHT, seed=1)]
    ),
}


def opened(content: bytes, least: Size | None = None) -> EncodedImage:
    image = EncodedImage.open(content, LIMITS)
    if least:
        image.shrink(least)
    return image


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize(
    ("least", "size"),
    [
        ((WIDTH + 1, HEIGHT), (803, 601)),
        ((402, 300), (803, 601)),
        ((401, 300), (402, 301)),
        ((200, 151), (402, 301)),
        ((200, 150), (201, 151)),
        ((100, 75), (101, 76)),
        ((1, 1), (101, 76)),
    ],
)
def test_no_side_gets_shorter_than_is_useful(kind: str, least: Size, size: Size) -> None:
    decoded = opened(JPEGS[kind], least).decode()
    assert decoded.pixels.shape == (size[1], size[0], 3)
    assert decoded.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", JPEGS)
def test_what_was_decoded_small_is_resized_to_nearly_the_same(kind: str) -> None:
    full = opened(JPEGS[kind]).decode().resized((53, 40), 3).pixels.astype(int)
    small = opened(JPEGS[kind], (106, 80)).decode().resized((53, 40), 3).pixels
    assert np.abs(full - small).mean() < 1
    assert np.abs(full - small).max() < 16


@pytest.mark.parametrize("kind", ["baseline", "grey", "cmyk", "mpo"])
def test_pixels_are_counted_as_they_are_decoded(kind: str) -> None:
    assert opened(JPEGS[kind]).pixels == WIDTH * HEIGHT
    assert opened(JPEGS[kind], (200, 150)).pixels == 201 * 151


def test_a_decoder_holds_all_of_a_progressive_image_however_small_it_comes_out() -> None:
    assert opened(JPEGS["progressive"], (200, 150)).pixels == WIDTH * HEIGHT


def test_so_it_does_with_one_whose_channels_come_one_after_the_other() -> None:
    content = JPEGS["baseline"]
    scan = content.index(b"\xff\xda\x00\x0c\x03")
    first_of_three = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    split = content[:scan] + first_of_three + content[scan + 14 :]
    assert opened(split, (200, 150)).pixels == WIDTH * HEIGHT


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_other_formats_are_decoded_in_full(kind: str) -> None:
    content = encoded(noise(80, 60), kind)
    expected = opened(content).decode().pixels
    image = opened(content, (8, 6))
    assert image.pixels == 80 * 60
    assert np.array_equal(image.decode().pixels, expected)


def test_a_image_that_claims_too_much_is_refused_however_small_it_would_come_out() -> None:
    with pytest.raises(TooManyPixels, match="2000x1001"):
        opened(encoded(Image.new("RGB", (2000, 1001)), "JPEG"), (1, 1))


Draw = Callable[[np.random.Generator], Pixels]


def smooth(generator: np.random.Generator) -> Pixels:
    cells = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = Image.fromarray(cells).resize((1601, 1203), Image.Resampling.BICUBIC)
    return np.asarray(image)


def grainy(generator: np.random.Generator) -> Pixels:
    pixels = smooth(generator) + generator.normal(0, 20, (1203, 1601, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def striped(generator: np.random.Generator) -> Pixels:
    waves = np.sin(np.add.outer(np.arange(1203) * 0.3, np.arange(1601)))
    shade = np.where(waves > 0, 230, 25).astype(np.uint8)
    return np.repeat(shade[:, :, None], 3, axis=2)


@pytest.fixture(scope="module", params=["demo", "random"])
def encoder(request: pytest.FixtureRequest, folder: Path) -> ClipEncoder:
    path = DEMO_MODEL if request.param == "demo" else save_tiny_model("clip", folder / "draft")
    return ClipEncoder(open_checkpoint(Source(str(path))), "cpu", "float32")


@pytest.mark.parametrize("draw", [smooth, grainy, striped])
def test_embeddings_hardly_change(encoder: ClipEncoder, draw: Draw) -> None:
    content = encoded(Image.fromarray(draw(np.random.default_rng(0))), "JPEG", quality=88)
    least = encoder.smallest_useful(1601, 1203)
    small = opened(content, least).decode()
    assert small.pixels.shape < (1203, 1601), "it was decoded smaller"
    prepared = [encoder.prepare_image(decoded) for decoded in (opened(content).decode(), small)]
    full, drafted = encoder.encode_images(prepared)
    cosine = full @ drafted / np.linalg.norm(full) / np.linalg.norm(drafted)
    assert cosine >= 1 - 5e-3
