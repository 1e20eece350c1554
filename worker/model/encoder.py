"""What the batcher and the tasks know of a model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from common.protocol.messages import ModelInfo, ModelTraits, Vectors
from worker.images.decode import DecodedImage, Size

PreparedImage = Mapping[str, npt.NDArray[Any]]
"""One image as the model takes it: its inputs by name, each without the dimension of a batch."""

ORDINARY_TOKENS = 16
"""The tokens of an ordinary label, its prompt included."""

TOKENIZED_CHARS = 1 << 14


class OutOfMemory(Exception):
    """The batch did not fit the device's memory; a smaller one may."""


class DeviceFailed(Exception):
    """The device takes no more work from this process: only another process can go on."""


@dataclass(frozen=True, slots=True)
class PreparedText:
    """Token ids as the model takes them; `truncated` when the text was longer than its context.

    A batch pads it to `padded_to` tokens at least. Many wait at once: have `ids` in an array.
    """

    ids: Sequence[int]
    truncated: bool
    padded_to: int = 0

    @property
    def weight(self) -> int:
        """How many ordinary texts it takes the room of in a batch."""
        return max(1, -(-max(len(self.ids), self.padded_to) // ORDINARY_TOKENS))


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
        """What an image of this size may be decoded at without much harm; None for all of it."""

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        """An image → what `encode_images` takes."""

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]: ...

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        """Float32 embeddings of shape (images, dimension), not normalised."""

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        """Float32 embeddings of shape (texts, dimension), not normalised."""


def runs_of(texts: Iterable[str], chars: int = TOKENIZED_CHARS) -> Iterator[list[str]]:
    """Texts in runs to be prepared at once: of so many characters, or of one text that has more.

    A tokenizer takes some hundred bytes for each character, those included that it then cuts off.
    """
    run: list[str] = []
    room = chars
    for text in texts:
        if run and len(text) > room:
            yield run
            run, room = [], chars
        run.append(text)
        room -= len(text)
    if run:
        yield run


def ensemble(embeddings: Iterable[Vectors]) -> Vectors:
    """One embedding for a text in several templates, of those in each: (dimension,) each.

    This is prompt ensembling in embedding space (Radford et al. 2021, section 3.1.4): each
    embedding is normalised, they are averaged, and the mean is normalised again. Zero stays zero.
    """
    total = np.zeros(1)
    for embedding in embeddings:
        total = total + _unit(embedding.astype(np.float64))
    unit: Vectors = _unit(total).astype(np.float32)
    return unit


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return vector / (np.linalg.norm(vector) or 1)
