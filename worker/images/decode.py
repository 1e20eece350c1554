"""Bytes → pixels: the only module that knows Pillow."""

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
    """A decoded image, RGB, as Pillow keeps it: an array of it costs two copies.

    `size` and boxes count pixels of the file. Where `shrunk` of them, in either direction, were
    decoded as one, there are fewer here.
    """

    image: Image.Image
    size: Size
    shrunk: int = 1

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """From RGB of shape (height, width, 3)."""
        image = Image.fromarray(pixels)
        return cls(image, image.size)

    @property
    def pixels(self) -> Pixels:
        """What was decoded, RGB of shape (height, width, 3); do not write to it."""
        return np.asarray(self.image)

    def cut(self, left: int, top: int, right: int, bottom: int) -> Self:
        """A part of what was decoded in full."""
        part = self.image.crop((left, top, right, bottom))
        return type(self)(part, part.size)

    def resized(self, size: Size, resample: int, box: Box | None = None) -> Self:
        """The whole, or the part within `box`, at another size.

        Pixels just outside the box still weigh in, so the outcome is the same as resizing the
        whole and cutting out the part.
        """
        left, top, right, bottom = box or (0, 0, *self.size)
        one = self.shrunk
        within = (left / one, top / one, right / one, bottom / one)
        return type(self)(self.image.resize(size, Image.Resampling(resample), within), size)


class EncodedImage:
    """An image whose header was read: its size is known, nothing is decoded yet."""

    def __init__(self, image: Image.Image, *, is_decoded_by_rows: bool) -> None:
        self._image = image
        self._is_decoded_by_rows = is_decoded_by_rows
        self._shrunk = 1
        self.size: Size = image.size
        """Width and height that the file tells."""

    @classmethod
    def open(cls, content: bytes, limits: Limits) -> Self:
        """Read the header. Neither time nor memory depend on what it claims.

        Raises:
            NotAnImage: the bytes are no image of a format in worker.images.formats.
            TooManyPixels, TooManyFrames, TooComplex: they ask for more than is allowed.
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
        """How many there will be in memory at once."""
        width, height = self._image.size if self._is_decoded_by_rows else self.size
        return width * height

    def shrink(self, least: Size) -> None:
        """Have a JPEG decoded at a half, a quarter or an eighth, but no smaller than `least`.

        Other formats are decoded in full. To be called before `decode`.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            drafted = self._image.draft(None, least)
            if drafted:
                _, (_, _, width, _) = drafted
                self._shrunk = round(self.size[0] / width)

    def decode(self) -> DecodedImage:
        """The first frame. To be called once.

        Converted as the reference implementation does: alpha is dropped, not blended, and an EXIF
        orientation is not applied.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            self._image.load()
            # Loading may turn an image, but none that can be shrunk.
            size = self._image.size if self._shrunk == 1 else self.size
            if self._image.mode == "RGB":  # which to convert would copy
                return DecodedImage(self._image, size, self._shrunk)
            with closing(self._image) as image:
                return DecodedImage(image.convert("RGB"), size, self._shrunk)


@contextmanager
def _as_item_errors() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes below our own limit and of odd metadata; neither concerns us.
            warnings.simplefilter("ignore")
            yield
    except (ItemError, MemoryError):  # too little memory is not the image's fault
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # noqa: BLE001 - decoders raise whatever they like at broken input
        raise NotAnImage from None
