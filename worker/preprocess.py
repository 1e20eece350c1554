"""Pixels → what the model takes: the numbers of the checkpoint's preprocessor, for less work."""

import math
from dataclasses import dataclass
from typing import Any, cast

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
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels, cut out the centre, normalise.

    `table` of shape (3, 256) maps a channel's byte to its normalised value, made by the
    preprocessor itself.
    """

    edge: int
    height: int
    width: int
    resample: int
    table: npt.NDArray[np.float32]

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
        return self.table[np.arange(3)[:, None, None], np.moveaxis(centre, -1, 0)]


@dataclass(frozen=True, slots=True)
class Whole:
    """Whatever the preprocessor does, done by the preprocessor."""

    processor: Any

    def __call__(self, pixels: Pixels) -> PreparedImage:
        batch = self.processor(
            images=[pixels], input_data_format="channels_last", return_tensors="np"
        )
        return cast("PreparedImage", batch["pixel_values"][0])


def preprocessor(processor: Any) -> ShortestEdgeCrop | Whole:  # noqa: ANN401
    """The quick way where the preprocessor's settings allow it, its own way elsewhere."""
    size, crop = processor.size, processor.crop_size
    edge = getattr(size, "shortest_edge", None)
    if (
        not edge
        or getattr(size, "longest_edge", None)
        or getattr(processor, "do_pad", False)
        or not (processor.do_resize and processor.do_center_crop)
        or max(crop.height, crop.width) > edge
    ):
        return Whole(processor)
    return ShortestEdgeCrop(
        edge=int(edge),
        height=int(crop.height),
        width=int(crop.width),
        resample=int(processor.resample),
        table=_value_table(processor),
    )


def _value_table(processor: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
    """Send every byte value through the preprocessor once."""
    values = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    batch = processor(
        images=[values],
        do_resize=False,
        do_center_crop=False,
        input_data_format="channels_last",
        return_tensors="np",
    )
    return np.ascontiguousarray(batch["pixel_values"][0][:, 0, :], dtype=np.float32)
