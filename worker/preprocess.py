"""Pixels → what the model takes: the numbers of the checkpoint's preprocessor, for less work."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from worker.decode import resize
from worker.encoder import Pixels, PreparedImage

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

    def __call__(self, pixels: Pixels) -> PreparedImage:
        """RGB of shape (height, width, 3) → float32 of shape (3, height, width)."""
        channels = np.arange(3)[:, None, None]
        return {"pixel_values": self.table[channels, np.moveaxis(pixels, -1, 0)]}


@dataclass(frozen=True, slots=True)
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels, cut out the centre, normalise."""

    edge: int
    height: int
    width: int
    resample: int
    normalise: Normalise

    def __call__(self, pixels: Pixels) -> PreparedImage:
        height, width = pixels.shape[:2]
        short = min(height, width)
        # Truncated, not rounded: so does the reference.
        tall, wide = int(self.edge * height / short), int(self.edge * width / short)
        top, left = (tall - self.height) // 2, (wide - self.width) // 2
        if max(tall, wide) <= LONG * self.edge:
            whole = resize(pixels, (wide, tall), (0, 0, width, height), self.resample)
            centre = whole[top : top + self.height, left : left + self.width]
        else:
            y, x = height / tall, width / wide
            rows = Span.around(top * y, (top + self.height) * y, y, height)
            columns = Span.around(left * x, (left + self.width) * x, x, width)
            near = pixels[rows.first : rows.last, columns.first : columns.last]
            box = (columns.start, rows.start, columns.end, rows.end)
            centre = resize(near, (self.width, self.height), box, self.resample)
        return self.normalise(centre)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Resize to a fixed size whatever the shape, normalise."""

    height: int
    width: int
    resample: int
    normalise: Normalise

    def __call__(self, pixels: Pixels) -> PreparedImage:
        height, width = pixels.shape[:2]
        box = (0, 0, width, height)
        return self.normalise(resize(pixels, (self.width, self.height), box, self.resample))


@dataclass(frozen=True, slots=True)
class Whole:
    """Whatever the preprocessor does, done by the preprocessor."""

    processor: Any

    def __call__(self, pixels: Pixels) -> PreparedImage:
        batch = self.processor(
            images=[pixels], input_data_format="channels_last", return_tensors="np"
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
