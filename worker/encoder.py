"""What the batcher and the tasks know of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from common.protocol import ModelInfo, ModelTraits, Vectors
from worker.decode import Raster, Size

PreparedImage = Mapping[str, npt.NDArray[Any]]
"""One picture as the model takes it: its inputs by name, each without the dimension of a batch."""


class OutOfMemory(Exception):
    """The batch did not fit the device's memory; a smaller one may."""


class DeviceFailed(Exception):
    """The device takes no more work from this process: only another process can go on."""


@dataclass(frozen=True, slots=True)
class PreparedText:
    """Token ids as the model takes them; `truncated` when the text was longer than its context."""

    ids: tuple[int, ...]
    truncated: bool


class Encoder(Protocol):
    """One model. Preparing is safe in any thread, encoding happens in one thread only.

    Encoding raises OutOfMemory when a smaller batch may succeed, and DeviceFailed when none will.
    """

    @property
    def info(self) -> ModelInfo: ...

    @property
    def traits(self) -> ModelTraits: ...

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    def smallest_useful(self, width: int, height: int) -> Size | None:
        """What a picture of this size may be decoded at without much harm; None for all of it."""

    def prepare_image(self, picture: Raster) -> PreparedImage:
        """A picture → what `encode_images` takes."""

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]: ...

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        """Float32 embeddings of shape (images, dimension), not normalised."""

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        """Float32 embeddings of shape (texts, dimension), not normalised."""
