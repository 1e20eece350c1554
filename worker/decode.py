"""Bytes → pixels: the only module that knows Pillow."""

import io
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Self

import numpy as np
from PIL import Image

from common.errors import ItemError, NotAnImage, TooManyPixels
from worker.encoder import Pixels
from worker.formats import check_claim, pare
from worker.formats.limits import Limits


class Picture:
    """A picture whose header was read: its size is known, nothing is decoded yet."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    @classmethod
    def open(cls, content: bytes, limits: Limits) -> Self:
        """Read the header. Neither time nor memory depend on what it claims.

        Raises:
            NotAnImage: the bytes are no picture of a format in worker.formats.
            TooManyPixels, TooManyFrames, TooComplex: they ask for more than is allowed.
        """
        with _as_item_errors():
            name, pared = pare(content, limits)
            picture = Image.open(io.BytesIO(pared), formats=[name])
            limits.check_size(*picture.size)
            limits.check_frames(getattr(picture, "n_frames", 1))
            check_claim(name, pared, picture.width * picture.height, limits)
            return cls(picture)

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self._picture.width * self._picture.height

    def decode(self) -> Pixels:
        """The first frame as RGB, uint8 of shape (height, width, 3).

        Converted as the reference implementation does: alpha is dropped, not blended, and an EXIF
        orientation is not applied.

        Raises:
            NotAnImage: the picture is broken.
        """
        with _as_item_errors(), closing(self._picture) as picture:
            picture.load()
            # Converting RGB to RGB copies.
            return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


@contextmanager
def _as_item_errors() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes below our own limit and of odd metadata; neither concerns us.
            warnings.simplefilter("ignore")
            yield
    except ItemError:
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # noqa: BLE001 - decoders raise whatever they like at broken input
        raise NotAnImage from None


def resize(
    pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float], resample: int
) -> Pixels:
    """Resize the part of a picture within `box` (left, top, right, bottom) to (width, height).

    Pixels just outside the box still weigh in, so the outcome is the same as resizing the whole
    and cutting out the part.
    """
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize(size, Image.Resampling(resample), box=box))
