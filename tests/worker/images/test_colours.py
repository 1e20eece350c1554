"""What becomes of transparency, in every way that a file can hold it."""

import struct
import zlib
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from common.protocol.messages import Alpha
from tests.hostile_images import png_chunk, png_head
from tests.images import encoded, noise
from worker.images.colours import to_rgb
from worker.images.decode import Conversion, DecodedImage, EncodedImage
from worker.images.limits import Limits

LIMITS = Limits(1_000_000, max_frames=10)
CLEAR, HALF, SOLID = (200, 30, 40, 0), (200, 30, 40, 128), (10, 20, 30, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def decoded(content: bytes, alpha: Alpha = "drop") -> DecodedImage:
    return EncodedImage.open(content, LIMITS, Conversion(alpha=alpha)).decode()


def colours(content: bytes, alpha: Alpha) -> list[list[int]]:
    """Those of the top left corner and of the bottom right one."""
    pixels = decoded(content, alpha).pixels
    return [pixels[0, 0].tolist(), pixels[-1, -1].tolist()]


def cutout(mode: str = "RGBA") -> Image.Image:
    """Clear above, solid below."""
    image = Image.new("RGBA", (16, 16), CLEAR)
    image.paste(SOLID, (0, 8, 16, 16))
    return image.convert(mode)


def with_palette(kind: str) -> bytes:
    image = cutout("RGB").quantize(2)
    return encoded(image, kind, transparency=image.getpixel((0, 0)))


def palette_of_opacities() -> bytes:
    image = cutout("RGB").quantize(2)
    opacities = bytearray(b"\xff\xff")
    opacities[np.asarray(image)[0, 0]] = 0
    return encoded(image, transparency=bytes(opacities))


def with_colour_key() -> bytes:
    return encoded(cutout("RGB"), transparency=CLEAR[:3])


def with_deep_colour_key() -> bytes:
    rows = [
        b"\0" + struct.pack(">HHH", *(part * 257 for part in each[:3])) * 4
        for each in (CLEAR, SOLID)
    ]
    key = png_chunk(b"tRNS", struct.pack(">HHH", *(part * 257 for part in CLEAR[:3])))
    pixels = png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return png_head(4, 2, 16, 2) + key + pixels + png_chunk(b"IEND", b"")


TRANSPARENT: dict[str, Callable[[], bytes]] = {
    "png": lambda: encoded(cutout()),
    "palette png": lambda: with_palette("PNG"),
    "palette png with opacities": palette_of_opacities,
    "png with a colour key": with_colour_key,
    "16-bit png with a colour key": with_deep_colour_key,
    "gif": lambda: with_palette("GIF"),
    "webp": lambda: encoded(cutout(), "WEBP", lossless=True, exact=True),
    "tiff": lambda: encoded(cutout(), "TIFF"),
    "avif": lambda: encoded(cutout(), "AVIF", quality=100, subsampling="4:4:4"),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_a_cutout_is_put_on_what_was_asked_for(kind: str) -> None:
    content = TRANSPARENT[kind]()
    above = {"white": WHITE, "black": BLACK, "drop": CLEAR[:3]}
    for alpha in get_args(Alpha):
        image = decoded(content, alpha)
        assert image.is_transparent
        off = np.abs(np.array(colours(content, alpha)) - [above[alpha], SOLID[:3]])
        assert off.max() <= (4 if kind == "avif" else 0)


def test_grey_with_alpha_is_too() -> None:
    content = encoded(cutout("LA"))
    assert colours(content, "white")[0] == [255] * 3
    assert colours(content, "black")[0] == [0] * 3
    assert decoded(content).is_transparent


def test_grey_with_premultiplied_alpha_is_too() -> None:
    premultiplied = cutout("LA").convert("La")
    found = to_rgb(premultiplied, "white")
    assert found.is_transparent
    assert found.image.getpixel((0, 0)) == (255, 255, 255)


def test_deep_grey_with_a_transparent_shade_is_too() -> None:
    rows = [b"\0" + struct.pack(">HH", 5000, 40000)]
    key = png_chunk(b"tRNS", struct.pack(">H", 5000))
    pixels = png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    content = png_head(2, 1, 16, 0) + key + pixels + png_chunk(b"IEND", b"")
    assert decoded(content, "white").pixels[0, :, 0].tolist() == [255, round(40000 / 257)]
    assert decoded(content, "drop").pixels[0, :, 0].tolist() == [
        round(5000 / 257),
        round(40000 / 257),
    ]
    assert decoded(content).is_transparent


def test_what_is_half_transparent_is_blended() -> None:
    content = encoded(Image.new("RGBA", (4, 4), HALF))
    expected = [
        [round(part * 128 / 255 + ground * 127 / 255) for part in HALF[:3]] for ground in (255, 0)
    ]
    on_white, on_black = colours(content, "white")[0], colours(content, "black")[0]
    assert np.abs(np.array([on_white, on_black]) - expected).max() <= 1


OPAQUE = {
    "rgb": encoded(noise(16, 16)),
    "jpeg": encoded(noise(16, 16), "JPEG"),
    "alpha that is opaque throughout": encoded(noise(16, 16, "RGBA")),
    "grey alpha that is opaque throughout": encoded(noise(16, 16, "LA")),
    "key that no pixel has": encoded(Image.new("RGB", (4, 4), SOLID[:3]), transparency=CLEAR[:3]),
    "webp": encoded(noise(16, 16, "RGBA"), "WEBP"),
    "gif": encoded(noise(16, 16, "P"), "GIF"),
}


@pytest.mark.parametrize("kind", OPAQUE)
def test_an_opaque_image_is_the_same_on_any_background(kind: str) -> None:
    plain = decoded(OPAQUE[kind])
    assert not plain.is_transparent
    for alpha in ("white", "black"):
        image = decoded(OPAQUE[kind], alpha)
        assert not image.is_transparent
        assert np.array_equal(image.pixels, plain.pixels)


def test_a_transparent_image_is_turned_on_its_background() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decoded(encoded(cutout(), exif=exif), "white")
    assert image.is_transparent
    assert image.pixels[0, -1].tolist() == list(WHITE)
    assert image.pixels[0, 0].tolist() == list(SOLID[:3])
