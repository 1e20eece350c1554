"""Bytes → pixels: the only module that knows Pillow."""

import io
import warnings

import numpy as np
from PIL import Image

from common.errors import NotAnImage, TooManyPixels
from worker.encoder import Pixels


def decode(content: bytes, max_pixels: int) -> Pixels:
    """The picture (the first frame of several) as RGB, uint8 of shape (height, width, 3).

    Converted as the reference implementation does: alpha is dropped, not blended, and an EXIF
    orientation is not applied. The size is checked from the header, before anything is decoded.

    Raises:
        NotAnImage: the bytes are no picture, or a broken one.
        TooManyPixels: width times height is above `max_pixels`.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes below our own limit and of odd metadata; neither concerns us.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                _check_size(picture.size, max_pixels)
                return np.asarray(picture.convert("RGB"))
    except TooManyPixels:
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # noqa: BLE001 - decoders raise whatever they like at broken input
        raise NotAnImage from None


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise TooManyPixels(f"has {width}x{height} pixels; the limit is {max_pixels} in all")


def resize(
    pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float], resample: int
) -> Pixels:
    """Resize the part of a picture within `box` (left, top, right, bottom) to (width, height).

    Pixels just outside the box still weigh in, so the outcome is the same as resizing the whole
    and cutting out the part.
    """
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize(size, Image.Resampling(resample), box=box))
