"""A picture → what the model takes: the numbers of the checkpoint's preprocessor, for less work."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from worker.decode import Raster
from worker.encoder import PreparedImage

# Beyond this ratio of its sides only the centre of a picture is resized: one of 1 by 50,000 pixels
# would otherwise become one of 224 by 11 million.
LONG = 8
LANCZOS_REACH = 3  # the widest filter there is, in pixels of the coarser of both pictures


@dataclass(frozen=True, slots=True)
class Span:
    """Pixels `first` to `last`, of which `start` to `end` (counted from `first`) are wanted.

    The rest weighs in at the edges. Cut out before resizing, because Pillow takes a box in single
    precision, which is too coarse far from the origin.
    """

    first: int
    last: int
    start: float
    end: float

    @classmethod
    def around(cls, start: float, end: float, scale: float, length: int) -> "Span":
        reach = math.ceil(LANCZOS_REACH * max(scale, 1)) + 1
        first = max(0, math.floor(start) - reach)
        last = min(length, math.ceil(end) + reach)
        return cls(first, last, start - first, end - first)


@dataclass(frozen=True, slots=True)
class Normalise:
    """`table` of shape (3, 256) has the normalised value of each byte of each channel."""

    table: npt.NDArray[np.float32]

    @classmethod
    def like(cls, processor: Any) -> "Normalise":  # noqa: ANN401
        """Send every byte value through the preprocessor once."""
        values = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        batch = processor(
            images=[values],
            do_resize=False,
            do_center_crop=False,
            input_data_format="channels_last",
            return_tensors="np",
        )
        rows = batch["pixel_values"][0][:, 0, :]
        return cls(np.ascontiguousarray(rows, dtype=np.float32))

    def __call__(self, picture: Raster) -> PreparedImage:
        """A picture → float32 of shape (3, height, width)."""
        channels = np.arange(3)[:, None, None]
        return {"pixel_values": self.table[channels, np.moveaxis(picture.pixels, -1, 0)]}


@dataclass(frozen=True, slots=True)
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels, cut out the centre, normalise."""

    edge: int
    height: int
    width: int
    resample: int
    normalise: Normalise

    def __call__(self, picture: Raster) -> PreparedImage:
        width, height = picture.size
        short = min(width, height)
        # Truncated, not rounded: so does the reference.
        wide, tall = int(self.edge * width / short), int(self.edge * height / short)
        left, top = (wide - self.width) // 2, (tall - self.height) // 2
        if max(wide, tall) <= LONG * self.edge:
            whole = picture.resized((wide, tall), self.resample)
            centre = whole.cut(left, top, left + self.width, top + self.height)
        else:
            x, y = width / wide, height / tall
            columns = Span.around(left * x, (left + self.width) * x, x, width)
            rows = Span.around(top * y, (top + self.height) * y, y, height)
            near = picture.cut(columns.first, rows.first, columns.last, rows.last)
            box = (columns.start, rows.start, columns.end, rows.end)
            centre = near.resized((self.width, self.height), self.resample, box)
        return self.normalise(centre)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Resize to a fixed size whatever the shape, normalise."""

    height: int
    width: int
    resample: int
    normalise: Normalise

    def __call__(self, picture: Raster) -> PreparedImage:
        return self.normalise(picture.resized((self.width, self.height), self.resample))


@dataclass(frozen=True, slots=True)
class Whole:
    """Whatever the preprocessor does, done by the preprocessor."""

    processor: Any

    def __call__(self, picture: Raster) -> PreparedImage:
        batch = self.processor(
            images=[picture.pixels], input_data_format="channels_last", return_tensors="np"
        )
        return {name: np.asarray(values)[0] for name, values in batch.items()}


Preprocessor: TypeAlias = ShortestEdgeCrop | Stretch | Whole


def resolution(preprocess: Preprocessor) -> tuple[int, int] | None:
    """Height and width in pixels of what the model sees; None where the preprocessor decides."""
    return None if isinstance(preprocess, Whole) else (preprocess.height, preprocess.width)


def preprocessor(processor: Any) -> Preprocessor:  # noqa: ANN401
    """The quick way where the preprocessor's settings allow it, its own way elsewhere."""
    size = processor.size
    edge = getattr(size, "shortest_edge", None)
    height, width = getattr(size, "height", None), getattr(size, "width", None)
    if not processor.do_resize or getattr(processor, "do_pad", False):
        return Whole(processor)
    if getattr(processor, "do_center_crop", False):
        crop = processor.crop_size
        if not edge or getattr(size, "longest_edge", None) or max(crop.height, crop.width) > edge:
            return Whole(processor)
        return ShortestEdgeCrop(
            edge=int(edge),
            height=int(crop.height),
            width=int(crop.width),
            resample=int(processor.resample),
            normalise=Normalise.like(processor),
        )
    if height and width:
        return Stretch(
            height=int(height),
            width=int(width),
            resample=int(processor.resample),
            normalise=Normalise.like(processor),
        )
    return Whole(processor)
