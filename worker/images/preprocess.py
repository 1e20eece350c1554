"""An image → what the model takes: the numbers of the checkpoint's preprocessor, for less work.

The quick ways end with bytes: "pixel_values" of shape (height, width, 3). The encoder normalises a
whole batch of them at once, on its device, and has a quarter of the data to move there.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from worker.images.decode import DecodedImage, Size
from worker.model.encoder import PreparedImage

# Beyond this ratio of its sides only the centre of an image is resized: one of 1 by 50,000 pixels
# would otherwise become one of 224 by 11 million.
LONG = 8
LANCZOS_REACH = 3  # the widest filter there is, in pixels of the coarser of both images
AMPLE = 2  # this many times the pixels of what the model sees, in both directions
MAX_BEND = 1e-6  # what rounding to float32 makes of a straight line, and no more


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
    """byte × `scale` + `shift` is what the model takes; each has a float32 for every channel."""

    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]

    @classmethod
    def like(cls, processor: Any) -> "Normalise | None":  # noqa: ANN401
        """Send every byte value through the preprocessor. None where no straight line comes out."""
        values = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        batch = processor(
            images=[values],
            do_resize=False,
            do_center_crop=False,
            input_data_format="channels_last",
            return_tensors="np",
        )
        rows = np.asarray(batch["pixel_values"][0][:, 0, :], dtype=np.float64)
        scale, shift = np.polyfit(np.arange(256), rows.T, deg=1)
        line = scale[:, None] * np.arange(256) + shift[:, None]
        if not np.allclose(rows, line, atol=MAX_BEND):
            return None
        return cls(scale.astype(np.float32), shift.astype(np.float32))


@dataclass(frozen=True, slots=True)
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels and cut out the centre. `normalise` is to follow."""

    edge: int
    height: int
    width: int
    resample: int
    normalise: Normalise

    def resized(self, width: int, height: int) -> Size:
        """Truncated, not rounded: so does the reference."""
        short = min(width, height)
        return int(self.edge * width / short), int(self.edge * height / short)

    def smallest_useful(self, width: int, height: int) -> Size | None:
        wide, tall = self.resized(width, height)
        return None if max(wide, tall) > LONG * self.edge else (AMPLE * wide, AMPLE * tall)

    def __call__(self, image: DecodedImage) -> PreparedImage:
        width, height = image.size
        wide, tall = self.resized(width, height)
        left, top = (wide - self.width) // 2, (tall - self.height) // 2
        if max(wide, tall) <= LONG * self.edge:
            whole = image.resized((wide, tall), self.resample)
            centre = whole.cut(left, top, left + self.width, top + self.height)
        else:
            x, y = width / wide, height / tall
            columns = Span.around(left * x, (left + self.width) * x, x, width)
            rows = Span.around(top * y, (top + self.height) * y, y, height)
            near = image.cut(columns.first, rows.first, columns.last, rows.last)
            box = (columns.start, rows.start, columns.end, rows.end)
            centre = near.resized((self.width, self.height), self.resample, box)
        return {"pixel_values": centre.pixels}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Resize to a fixed size whatever the shape. `normalise` is to follow."""

    height: int
    width: int
    resample: int
    normalise: Normalise

    def smallest_useful(self, _width: int, _height: int) -> Size | None:
        return AMPLE * self.width, AMPLE * self.height

    def __call__(self, image: DecodedImage) -> PreparedImage:
        return {"pixel_values": image.resized((self.width, self.height), self.resample).pixels}


@dataclass(frozen=True, slots=True)
class Whole:
    """Whatever the preprocessor does, done by the preprocessor."""

    processor: Any
    normalise: None = None

    def smallest_useful(self, _width: int, _height: int) -> Size | None:
        return None

    def __call__(self, image: DecodedImage) -> PreparedImage:
        batch = self.processor(
            images=[image.pixels], input_data_format="channels_last", return_tensors="np"
        )
        return {name: np.asarray(values)[0] for name, values in batch.items()}


Preprocessor: TypeAlias = ShortestEdgeCrop | Stretch | Whole


def resolution(preprocess: Preprocessor) -> tuple[int, int] | None:
    """Height and width in pixels of what the model sees; None where the preprocessor decides."""
    return None if isinstance(preprocess, Whole) else (preprocess.height, preprocess.width)


def preprocessor(processor: Any) -> Preprocessor:  # noqa: ANN401
    """The quick way where the preprocessor's settings allow it, its own way elsewhere."""
    if not processor.do_resize or getattr(processor, "do_pad", False):
        return Whole(processor)
    size: Any = processor.size
    edge: Any = getattr(size, "shortest_edge", None)
    height: Any = getattr(size, "height", None)
    width: Any = getattr(size, "width", None)
    crop = processor.crop_size if getattr(processor, "do_center_crop", False) else None
    if crop:
        longest = getattr(size, "longest_edge", None)
        is_simple = edge and not longest and max(crop.height, crop.width) <= edge
    else:
        is_simple = height and width
    normalise = Normalise.like(processor) if is_simple else None
    if normalise is None:
        return Whole(processor)
    resample = int(processor.resample)
    if crop:
        return ShortestEdgeCrop(int(edge), int(crop.height), int(crop.width), resample, normalise)
    return Stretch(int(height), int(width), resample, normalise)
