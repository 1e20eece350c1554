"""Bytes → pixels: the only module that uses Pillow."""

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from common.errors import ItemError, NotAnImage, TooManyPixels
from common.protocol.messages import Alpha
from worker.images.colours import in_own_mode, to_rgb
from worker.images.formats.exif import orientation_of
from worker.images.formats.registry import (
    check_claim,
    exif,
    is_decoded_by_rows,
    sanitize,
    with_endings,
)
from worker.images.limits import Limits

Pixels: TypeAlias = npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]
"""Width and height."""
Turn = Image.Transpose
TURNS = {
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_270,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_90,
}
"""How an image is turned upright, by its EXIF orientation."""
SIDEWAYS = frozenset({Turn.TRANSPOSE, Turn.ROTATE_270, Turn.TRANSVERSE, Turn.ROTATE_90})
DIGESTED_ROWS = 16
_Open: TypeAlias = Callable[[], Image.Image]
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A decoded image, kept as Pillow's object, because an array would cost two copies.

    It is RGB, or has the mode of its file if a `Conversion` kept that. `size` and boxes are in
    pixels of the file. An image that was decoded at 1/`shrunk` of its size has fewer pixels than
    that. It `is_transparent` if not all pixels of the file are opaque.
    """

    image: Image.Image
    size: Size
    shrunk: int = 1
    is_transparent: bool = False

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """From RGB pixels of shape (height, width, 3)."""
        image = Image.fromarray(pixels)
        return cls(image, image.size)

    @property
    def pixels(self) -> Pixels:
        """The RGB pixels, of shape (height, width, 3); read-only."""
        return np.asarray(self.image if self.image.mode == "RGB" else self.image.convert("RGB"))

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

    def padded(self, size: Size, fill: int) -> Self:
        """The image in the centre of a larger one, whose channels (or palette index) are `fill`."""
        bands = len(self.image.getbands())
        whole = Image.new(self.image.mode, size, (fill,) * bands if bands > 1 else fill)
        if self.image.palette:
            whole.putpalette(self.image.palette)
        left, top = (size[0] - self.image.width) // 2, (size[1] - self.image.height) // 2
        whole.paste(self.image, (left, top))
        return type(self)(whole, size)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Whether an image is rotated according to its EXIF metadata, and what it is put on.

    If it `keeps_mode`, a palette stays a palette, and transparency that would be dropped stays.
    """

    is_turned: bool = True
    alpha: Alpha = "drop"
    keeps_mode: bool = False


AS_IS = Conversion()


class EncodedImage:
    """An image whose header was read: its size is known, but nothing is decoded yet."""

    def __init__(
        self, image: Image.Image, conversion: Conversion, orientation: int, twins: Sequence[_Open]
    ) -> None:
        """The `twins` have the same pixels unless some are missing."""
        self._image = image
        self._twins = twins
        self._alpha = conversion.alpha
        self._convert = in_own_mode if conversion.keeps_mode else to_rgb
        self._turn = TURNS.get(orientation) if conversion.is_turned else None
        self._stored = image.size
        self._min_size: Size | None = None
        self._is_decoded_by_rows = True
        self._shrunk = 1

    @classmethod
    def open(cls, content: bytes, limits: Limits, conversion: Conversion = AS_IS) -> Self:
        """Read the header. Neither time nor memory depends on the size that it claims.

        Raises:
            NotAnImage: the bytes are not an image of a format in worker.images.formats.
            TooManyPixels, TooManyFrames, TooComplex: the image exceeds a limit.
        """
        with _as_item_errors():
            name, sanitized = sanitize(content, limits)
            whole, (ending, *others) = with_endings(name, sanitized)
            image = _open(name, whole, ending)
            limits.check_size(*image.size)
            limits.check_frames(getattr(image, "n_frames", 1))
            check_claim(name, sanitized, image.width * image.height, limits)
            metadata = image.info.get("exif", b"") if name == "AVIF" else exif(name, content)
            twins = [partial(_open, name, whole, other) for other in others]
            opened = cls(image, conversion, orientation_of(metadata), twins)
            opened._is_decoded_by_rows = is_decoded_by_rows(name, sanitized)
            return opened

    @property
    def size(self) -> Size:
        """Width and height according to the file, after rotation."""
        return self._turned(self._stored)

    @property
    def pixels(self) -> int:
        """The number of pixels that will be in memory at once."""
        width, height = self._image.size if self._is_decoded_by_rows else self._stored
        return width * height

    def shrink(self, min_size: Size) -> None:
        """Decode a JPEG at 1/2, 1/4 or 1/8 of its size, but no smaller than `min_size`.

        Other formats are decoded at full size. Call it before `decode`.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            self._min_size = self._turned(min_size)
            drafted = self._image.draft(None, self._min_size)
            if drafted:
                _, (_, _, width, _) = drafted
                self._shrunk = round(self._stored[0] / width)

    def decode(self) -> DecodedImage:
        """The first frame. Call it once.

        Raises:
            NotAnImage: the image is broken.
        """
        with _as_item_errors():
            digests = {self._digest_of(twin) for twin in self._twins}
            self._image.load()
            if digests and digests != {_digest(self._image)}:
                raise NotAnImage("ends too early")
            # Loading may rotate an image, but none of a format that can be shrunk.
            size = self._image.size if self._shrunk == 1 else self._stored
            colours = self._convert(self._image, self._alpha)
            image = colours.image
            if self._turn is not None:
                image = image.transpose(self._turn)
                colours.image.close()
            return DecodedImage(image, self._turned(size), self._shrunk, colours.is_transparent)

    def _digest_of(self, twin: _Open) -> bytes:
        with closing(twin()) as image:
            if self._min_size:
                image.draft(None, self._min_size)
            image.load()
            return _digest(image)

    def _turned(self, size: Size) -> Size:
        return size[::-1] if self._turn in SIDEWAYS else size


def _open(name: str, content: bytes, ending: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content + ending), formats=[name])


def _digest(image: Image.Image) -> bytes:
    """A digest of the pixels, without a copy of all of them."""
    digest = hashlib.blake2b()
    for top in range(0, image.height, DIGESTED_ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + DIGESTED_ROWS)))
        digest.update(strip.tobytes())
    return digest.digest()


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
