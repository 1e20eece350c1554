"""Bytes → pixels: the only module that uses Pillow."""

import io
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from common.errors import ItemError, NotAnImage, TooManyPixels
from worker.images.formats.registry import check_claim, is_decoded_by_rows, sanitize
from worker.images.limits import Limits

Pixels: TypeAlias = npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]
"""Width and height."""
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A decoded RGB image, kept as Pillow's object, because an array would cost two copies.

    `size` and boxes are in pixels of the file. An image that was decoded at 1/`shrunk` of its size
    has fewer pixels than that.
    """

    image: Image.Image
    size: Size
    shrunk: int = 1

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """From RGB pixels of shape (height, width, 3)."""
        image = Image.fromarray(pixels)
        return cls(image, image.size)

    @property
    def pixels(self) -> Pixels:
        """The RGB pixels, of shape (height, width, 3); read-only."""
        return np.asarray(self.image)

    def cut(self, left: int, top: int, right: int, bottom: int) -> Self:
        """A crop of an image that was decoded at full size."""
        part = self.image.crop((left, top, right, bottom))
        return type(self)(part, part.size)

    def resized(self, size: Size, resample: int, box: Box | None = None) -> Self:
        """The whole image, or the part within `box`, resized.

        Pixels just outside the box count too, so the result equals resizing the whole image and
        cropping it.
        """
        left, top, right, bottom = box or (0, 0, *self.size)
        factor = self.shrunk
        within = (left / factor, top / factor, right / factor, bottom / factor)
        return type(self)(self.image.resize(size, Image.Resampling(resample), within), size)


class EncodedImage:
    """An image whose header was read: its size is known, but nothing is decoded yet."""

    def __init__(self, image: Image.Image, *, is_decoded_by_rows: bool) -> None:
        self._image = image
        self._is_decoded_by_rows = is_decoded_by_rows
        self._shrunk = 1
        self.size: Size = image.size
        """Width and height according to the file."""

    @classmethod
    def open(cls, content: bytes, limits: Limits) -> Self:
        """Read the header. Neither time nor memory depends on the size that it claims.

        Raises:
            NotAnImage: the bytes are not an image of a format in worker.images.formats.
            TooManyPixels, TooManyFrames, TooComplex: the image exceeds a limit.
        """
        with _as_item_errors():
            name, sanitized = sanitize(content, limits)
            image = Image.open(io.BytesIO(sanitized), formats=[name])
            limits.check_size(*image.size)
            limits.check_frames(getattr(image, "n_frames", 1))
            check_claim(name, sanitized, image.width * image.height, limits)
            return cls(image, is_decoded_by_rows=is_decoded_by_rows(name, sanitized))

    @property
    def pixels(self) -> int:
        """The number of pixels that will be in memory at once."""
        width, height = self._image.size if self._is_decoded_by_rows else self.size
        return width * height

    def shrink(self, least: Size) -> None:
        """Decode a JPEG at 1/2, 1/4 or 1/8 of its size, but no smaller than `least`.

        Other formats are decoded at full size. Call it before `decode`.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            drafted = self._image.draft(None, least)
            if drafted:
                _, (_, _, width, _) = drafted
                self._shrunk = round(self.size[0] / width)

    def decode(self) -> DecodedImage:
        """The first frame. Call it once.

        Converted like the reference implementation: alpha is dropped, not blended, and the EXIF
        orientation is ignored.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            self._image.load()
            # Loading may rotate an image, but none of a format that can be shrunk.
            size = self._image.size if self._shrunk == 1 else self.size
            if self._image.mode == "RGB":  # converting would copy it
                return DecodedImage(self._image, size, self._shrunk)
            with closing(self._image) as image:
                return DecodedImage(image.convert("RGB"), size, self._shrunk)


@contextmanager
def _as_item_errors() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes below our own limit, and of odd metadata, which we ignore.
            warnings.simplefilter("ignore")
            yield
    except (ItemError, MemoryError):  # lack of memory is not the image's fault
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # noqa: BLE001 - decoders raise any exception on broken input
        raise NotAnImage from None
