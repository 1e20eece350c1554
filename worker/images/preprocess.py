"""An image → the model's inputs: the same numbers as the checkpoint's preprocessor, but faster.

The fast paths return bytes: "pixel_values" of shape (height, width, 3). The encoder normalises a
whole batch at once, on its device, and copies a quarter of the data there.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from worker.images.decode import DecodedImage, Size
from worker.model.encoder import PreparedImage

# Beyond this ratio of its sides only the centre of an image is resized: 1 by 50,000 pixels would
# otherwise become 224 by 11 million.
LONG = 8
LANCZOS_REACH = 3  # the widest filter, in pixels of the coarser of both images
MIN_OVERSAMPLING = 2  # a shrunk image has at least this many times the model's resolution
MAX_NONLINEARITY = 1e-6  # rounding a straight line to float32 stays below it


@dataclass(frozen=True, slots=True)
class Span:
    """Pixels `first` to `last`, which contain the range `start` to `end` (counted from `first`).

    The margin counts at the edges. Cut out before resizing, because Pillow's box has single
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
    """The model takes byte × `scale` + `shift`; each has a float32 per channel."""

    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]

    @classmethod
    def like(cls, processor: Any) -> "Normalise | None":  # noqa: ANN401
        """Fitted to the preprocessor's outputs for all byte values; None if they are not linear."""
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
        if not np.allclose(rows, line, atol=MAX_NONLINEARITY):
            return None
        return cls(scale.astype(np.float32), shift.astype(np.float32))


@dataclass(frozen=True, slots=True)
class ShortestEdgeCrop:
    """Resize the shorter edge to `edge` pixels and crop the centre; `normalise` comes later.

    Half a pixel at the left or top is left out, or with `rounds` rounded to an even number.
    """

    edge: int
    height: int
    width: int
    resample: int
    normalise: Normalise
    rounds: bool = False
    keeps_mode: bool = False

    def resized(self, width: int, height: int) -> Size:
        """The size after resizing; truncated, not rounded, like the reference."""
        short = min(width, height)
        return int(self.edge * width / short), int(self.edge * height / short)

    def smallest_useful(self, width: int, height: int) -> Size | None:
        wide, tall = self.resized(width, height)
        if max(wide, tall) > LONG * self.edge:
            return None
        return MIN_OVERSAMPLING * wide, MIN_OVERSAMPLING * tall

    def __call__(self, image: DecodedImage) -> PreparedImage:
        width, height = image.size
        wide, tall = self.resized(width, height)
        left, top = self._half(wide - self.width), self._half(tall - self.height)
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

    def _half(self, length: int) -> int:
        return round(length / 2) if self.rounds else length // 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """Resize to a fixed size, whatever the aspect ratio; `normalise` comes later."""

    height: int
    width: int
    resample: int
    normalise: Normalise
    keeps_mode: bool = False

    def smallest_useful(self, _width: int, _height: int) -> Size | None:
        return MIN_OVERSAMPLING * self.width, MIN_OVERSAMPLING * self.height

    def __call__(self, image: DecodedImage) -> PreparedImage:
        return {"pixel_values": image.resized((self.width, self.height), self.resample).pixels}


@dataclass(frozen=True, slots=True)
class Within:
    """Resize so that all of the image fits, and pad it on both sides; `normalise` comes later."""

    height: int
    width: int
    resample: int
    normalise: Normalise
    fill: int = 0
    keeps_mode: bool = True

    def resized(self, width: int, height: int) -> Size:
        ratio = max(height / self.height, width / self.width)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def smallest_useful(self, width: int, height: int) -> Size | None:
        wide, tall = self.resized(width, height)
        return MIN_OVERSAMPLING * wide, MIN_OVERSAMPLING * tall

    def __call__(self, image: DecodedImage) -> PreparedImage:
        fitted = image.resized(self.resized(*image.size), self.resample)
        return {"pixel_values": fitted.padded((self.width, self.height), self.fill).pixels}


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything is left to the checkpoint's preprocessor."""

    processor: Any
    normalise: None = None
    keeps_mode: bool = False

    def smallest_useful(self, _width: int, _height: int) -> Size | None:
        return None

    def __call__(self, image: DecodedImage) -> PreparedImage:
        batch = self.processor(
            images=[image.pixels], input_data_format="channels_last", return_tensors="np"
        )
        return {name: np.asarray(values)[0] for name, values in batch.items()}


Preprocessor: TypeAlias = ShortestEdgeCrop | Stretch | Within | Whole


def resolution(preprocess: Preprocessor) -> tuple[int, int] | None:
    """Height and width in pixels of the model's input; None if the preprocessor decides."""
    return None if isinstance(preprocess, Whole) else (preprocess.height, preprocess.width)


def preprocessor(processor: Any) -> Preprocessor:  # noqa: ANN401
    """A fast path if the preprocessor's settings allow it, else the preprocessor itself."""
    if isinstance(processor, Preprocessor):
        return processor
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
