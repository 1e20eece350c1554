"""Images that are resized in the mode of their file, and become RGB afterwards."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from common.protocol.messages import Alpha
from tests.images import encoded, noise
from worker.images.decode import Conversion, DecodedImage, EncodedImage
from worker.images.limits import Limits
from worker.images.preprocess import Normalise, Preprocessor, ShortestEdgeCrop, Stretch, Within

LIMITS = Limits(10_000_000, max_frames=10)
AS_IS = Normalise(np.ones(3, np.float32), np.zeros(3, np.float32))
BICUBIC = Image.Resampling.BICUBIC
SIDE = 24


def cutout(mode: str = "RGBA") -> Image.Image:
    """Noise whose opacity is another noise."""
    image = noise(90, 60, "RGBA", seed=3)
    image.putalpha(noise(90, 60, "L", seed=4))
    return image.convert(mode)


FILES: dict[str, bytes] = {
    "colour": encoded(noise(90, 60)),
    "JPEG": encoded(noise(90, 60), "JPEG"),
    "grey": encoded(noise(90, 60, "L")),
    "black and white": encoded(noise(90, 60, "1")),
    "palette": encoded(noise(90, 60).quantize(16)),
    "transparent palette": encoded(noise(90, 60).quantize(16), transparency=3),
    "GIF": encoded(noise(90, 60).quantize(16), "GIF", transparency=3),
    "transparent colour": encoded(noise(90, 60), transparency=(1, 2, 3)),
    "alpha": encoded(cutout()),
    "grey alpha": encoded(cutout("LA")),
    "opaque alpha": encoded(noise(90, 60, "RGBA")),
    "CMYK": encoded(noise(90, 60, "CMYK"), "JPEG"),
    "CMYK, TIFF": encoded(noise(90, 60, "CMYK"), "TIFF"),
    "palette with alpha": encoded(cutout("RGBA").quantize(16)),
    "WebP": encoded(cutout(), "WEBP", lossless=True),
}


def decoded(content: bytes, alpha: Alpha = "drop", *, keeps_mode: bool = True) -> DecodedImage:
    conversion = Conversion(alpha=alpha, keeps_mode=keeps_mode)
    return EncodedImage.open(content, LIMITS, conversion).decode()


def stretched(image: Image.Image) -> Image.Image:
    return image.resize((SIDE, SIDE), BICUBIC)


def cropped(image: Image.Image) -> Image.Image:
    whole = image.resize((SIDE * image.width // image.height, SIDE), BICUBIC)
    left = round((whole.width - SIDE) / 2)
    return whole.crop((left, 0, left + SIDE, SIDE))


PREPARED: dict[str, tuple[Preprocessor, Callable[[Image.Image], Image.Image]]] = {
    "stretched": (Stretch(SIDE, SIDE, BICUBIC, AS_IS, keeps_mode=True), stretched),
    "cropped": (
        ShortestEdgeCrop(SIDE, SIDE, SIDE, BICUBIC, AS_IS, rounds=True, keeps_mode=True),
        cropped,
    ),
}


@pytest.mark.parametrize(("prepare", "reference"), PREPARED.values(), ids=PREPARED)
@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_pixels_are_those_of_resizing_before_converting(
    content: bytes, prepare: Preprocessor, reference: Callable[[Image.Image], Image.Image]
) -> None:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        image.info.pop("transparency", None)
        expected = np.asarray(reference(image).convert("RGB"))
    pixels = prepare(decoded(content))["pixel_values"]
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("name", ["palette", "alpha", "grey alpha"])
def test_it_makes_a_difference(name: str) -> None:
    prepare, _ = PREPARED["stretched"]
    own, converted = (
        prepare(decoded(FILES[name], keeps_mode=keeps_mode))["pixel_values"].astype(int)
        for keeps_mode in (True, False)
    )
    assert np.abs(own - converted).max() > 0


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_transparency_is_noticed_as_ever(content: bytes) -> None:
    own, converted = (decoded(content, keeps_mode=keeps) for keeps in (True, False))
    assert own.is_transparent == converted.is_transparent
    assert np.array_equal(own.pixels, converted.pixels)


@pytest.mark.parametrize("alpha", ["white", "black"])
@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_background_comes_before_resizing(content: bytes, alpha: Alpha) -> None:
    prepare, _ = PREPARED["stretched"]
    own, converted = (decoded(content, alpha, keeps_mode=keeps) for keeps in (True, False))
    assert own.is_transparent == converted.is_transparent
    if converted.is_transparent:
        got, expected = (prepare(each)["pixel_values"] for each in (own, converted))
        assert np.array_equal(got, expected)


def test_deep_channels_are_scaled_before_resizing() -> None:
    deep = Image.fromarray(np.linspace(0, 65_535, 600, dtype=np.uint16).reshape(20, 30))
    image = decoded(encoded(deep))
    assert (image.image.mode, image.pixels.max()) == ("RGB", 255)


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [
        ("RGB", 0, (0, 0, 0)),
        ("RGB", 127, (127, 127, 127)),
        ("L", 9, (9, 9, 9)),
        ("RGBA", 0, (0, 0, 0)),
        ("CMYK", 0, (255, 255, 255)),
    ],
)
def test_what_does_not_fill_the_square_is_padded(
    mode: str, fill: int, expected: tuple[int, int, int]
) -> None:
    """In the mode of the file: ink 0 is white."""
    content = encoded(noise(90, 31, mode), "TIFF")
    pixels = Within(SIDE, SIDE, BICUBIC, AS_IS, fill=fill)(decoded(content))["pixel_values"]
    assert pixels.shape == (SIDE, SIDE, 3)
    above, below = (SIDE - 8) // 2, (SIDE - 8 + 1) // 2
    assert (pixels[:above] == expected).all()
    assert (pixels[SIDE - below :] == expected).all()
    with Image.open(io.BytesIO(content)) as image:
        whole = np.asarray(image.resize((SIDE, 8), BICUBIC).convert("RGB"))
    assert np.array_equal(pixels[above : SIDE - below], whole)


def test_a_palette_is_padded_with_its_colour_of_that_number() -> None:
    content = FILES["palette"]
    pixels = Within(SIDE, SIDE, BICUBIC, AS_IS, fill=2)(decoded(content))["pixel_values"]
    with Image.open(io.BytesIO(content)) as image:
        colours = np.array(image.getpalette("RGB")).reshape(-1, 3)
    assert (pixels[0] == colours[2]).all()


@pytest.mark.parametrize("size", [(3000, 1), (1, 3000), (1, 1)])
def test_any_shape_fits(size: tuple[int, int]) -> None:
    pixels = Within(SIDE, SIDE, BICUBIC, AS_IS)(decoded(encoded(noise(*size))))["pixel_values"]
    assert pixels.shape == (SIDE, SIDE, 3)
