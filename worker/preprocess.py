"""Pixels → what the model takes: the numbers of the checkpoint's preprocessor, for less work."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from worker.decode import resize
from worker.encoder import Pixels, PreparedImage


@dataclass(frozen=True, slots=True)
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels, cut out the centre, normalise.

    `table` of shape (3, 256) maps a channel's byte to its normalised value, made by the
    preprocessor itself. Only the centre is ever resized: a picture of 1 by 50,000 pixels would
    otherwise become one of 224 by 11 million.
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
        box = (
            left * width / wide,
            top * height / tall,
            (left + self.width) * width / wide,
            (top + self.height) * height / tall,
        )
        centre = resize(pixels, (self.width, self.height), box, self.resample)
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
