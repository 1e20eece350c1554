"""From any mode to 8-bit RGB: deep channels are scaled, transparency gets a background.

Each step closes its input, so that a large image is not kept in several modes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from common.protocol.messages import Alpha

BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0)}
OPAQUE = 255
PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
"""What Pillow converts to nothing else, or cannot resize."""
STRIP_PIXELS = 1 << 18

MAX_OF_16_BITS = (255, 1023, 4095, 65_535)
"""Cameras have 10 or 12 bits; some files have 8-bit values in 16 bits."""
MAX_OF_SIGNED_16 = (255, 32_767)
MAX_OF_INTEGERS = (255, 65_535, 2**32 - 1)
MAX_OF_FLOATS = (1, 255, 65_535)
HIGHLIGHTS = 16
"""Highlights of floats from 0 to 1 may exceed 1; up to this they are treated as such."""

# Tags of TIFF.
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED, SIGNED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Colours:
    """An image, usually in RGB; `is_transparent` if not all of its pixels were opaque."""

    image: Image.Image
    is_transparent: bool


def to_rgb(image: Image.Image, alpha: Alpha) -> Colours:
    """RGB of a loaded image, which is closed unless it is returned."""
    if _is_deep(image):
        return _of_deep(image, alpha)
    if not image.has_transparency_data:
        return Colours(_converted(image, "RGB"), is_transparent=False)
    if image.mode in PREMULTIPLIED:
        image = _converted(image, PREMULTIPLIED[image.mode])
    if image.mode not in ("RGBA", "LA"):
        image = _converted(_with_key_of_8_bits(image), "RGBA")
    opacity = image.getchannel("A")
    is_transparent = opacity.getextrema()[0] != OPAQUE
    rgb = _converted(image, "RGB")
    if is_transparent:
        _fill(rgb, opacity, alpha)
    return Colours(rgb, is_transparent)


def in_own_mode(image: Image.Image, alpha: Alpha) -> Colours:
    """A loaded image in a mode in which it can be resized, if possible its own.

    It becomes RGB if it gets a background, or if its channels are deep.
    """
    if _is_deep(image):
        return _of_deep(image, alpha)
    if image.mode in PREMULTIPLIED:
        image = _converted(image, PREMULTIPLIED[image.mode])
    if not image.has_transparency_data:
        return Colours(image, is_transparent=False)
    with _with_key_of_8_bits(image).convert("RGBA") as opaque:
        is_transparent = opaque.getchannel("A").getextrema()[0] != OPAQUE
    if is_transparent and alpha != "drop":
        return to_rgb(image, alpha)
    image.info.pop("transparency", None)  # dropped; Pillow would warn of that
    return Colours(image, is_transparent)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:  # converting would copy it
        return image
    converted = image.convert(mode)
    image.close()
    return converted


def _fill(rgb: Image.Image, opacity: Image.Image, alpha: Alpha) -> None:
    if alpha != "drop":
        rgb.paste(BACKGROUNDS[alpha], mask=ImageChops.invert(opacity))


def _with_key_of_8_bits(image: Image.Image) -> Image.Image:
    """The image; its transparent colour, which has 16 bits if the file has, is cut to 8."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > OPAQUE:
        image.info["transparency"] = tuple(part >> 8 for part in key)
    return image


def _is_deep(image: Image.Image) -> bool:
    """Whether it is grey with more than 8 bits; the decoder returns colours with 8."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _of_deep(image: Image.Image, alpha: Alpha) -> Colours:
    """RGB of an image that Pillow would clip at 255."""
    key = image.info.get("transparency")
    low, high = _range_of(image)
    grey = np.empty((image.height, image.width), np.uint8)
    opacity = None if key is None else np.full_like(grey, OPAQUE)
    for top, strip in _strips(image):
        rows = slice(top, top + len(strip))
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (strip.astype(np.float64) - low) * (OPAQUE / ((high - low) or 1))
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=OPAQUE, neginf=0.0)
        grey[rows] = np.rint(np.clip(scaled, 0, OPAQUE))
        if opacity is not None:
            opacity[rows][strip == key] = 0
    image.close()
    rgb = Image.fromarray(grey).convert("RGB")
    if opacity is None or opacity.all():
        return Colours(rgb, is_transparent=False)
    _fill(rgb, Image.fromarray(opacity), alpha)
    return Colours(rgb, is_transparent=True)


def _strips(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Strips of rows, each with the number of its first row."""
    rows = max(1, STRIP_PIXELS // image.width)
    is_unsigned = image.mode == "I" and _tag(image, SAMPLE_FORMAT, SIGNED) == UNSIGNED
    for top in range(0, image.height, rows):
        strip = np.asarray(image.crop((0, top, image.width, min(image.height, top + rows))))
        yield top, strip.view(np.uint32) if is_unsigned else strip


def _range_of(image: Image.Image) -> tuple[float, float]:
    """The values of black and white: the narrowest of the usual ranges that has all values.

    With negative values, or if no usual range fits, it is the range of the values themselves.
    """
    low, high = _extrema(image)
    if low >= 0:
        low, high = 0.0, next((top for top in _usual(image, high) if high <= top), high)
    return (high, low) if _tag(image, PHOTOMETRIC, None) == WHITE_IS_ZERO else (low, high)


def _usual(image: Image.Image, high: float) -> tuple[float, ...]:
    bits = _tag(image, BITS, 16 if image.mode.startswith("I;16") else 32)
    if image.mode == "F":
        return () if MAX_OF_FLOATS[0] < high <= HIGHLIGHTS else MAX_OF_FLOATS
    if image.mode == "I":
        return MAX_OF_SIGNED_16 if bits == 16 else MAX_OF_INTEGERS  # noqa: PLR2004
    return MAX_OF_16_BITS if bits >= 16 else (2**bits - 1,)  # noqa: PLR2004


def _extrema(image: Image.Image) -> tuple[float, float]:
    """The minimum and maximum of the finite values."""
    low, high = np.inf, -np.inf
    for _, strip in _strips(image):
        finite = strip[np.isfinite(strip)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def _tag(image: Image.Image, tag: int, missing: Any) -> Any:  # noqa: ANN401
    """The first value of a TIFF tag; `missing` if there is none, or for other formats."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    value = tags.get(tag, missing)
    return value[0] if isinstance(value, tuple) and value else value
