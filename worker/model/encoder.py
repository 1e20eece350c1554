"""The interface of a model, for the batcher and for parts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from common.protocol.messages import ModelInfo, ModelTraits, Vectors
from worker.images.decode import DecodedImage, Size

PreparedImage = Mapping[str, npt.NDArray[Any]]
"""The model's inputs for one image by name, each without the batch dimension."""

Prepare = Callable[[DecodedImage], PreparedImage]

StartBatch = Callable[[Sequence[Any]], Callable[[], Vectors]]
"""Starts a batch on the device, and returns the function that waits for its embeddings."""

ORDINARY_TOKENS = 16
"""The number of tokens of an ordinary label in its prompt."""

TOKENIZED_CHARS = 1 << 14


class OutOfMemory(Exception):
    """The batch did not fit into the device's memory; a smaller one may."""


class DeviceFailed(RuntimeError):
    """The device accepts no more work from this process; a new process is needed."""


@dataclass(frozen=True, slots=True)
class PreparedText:
    """The token ids of a text; `truncated` if it was longer than the model's context.

    A batch pads it to at least `padded_to` tokens. Many wait at once: keep `ids` in an array.
    """

    ids: Sequence[int]
    truncated: bool
    padded_to: int = 0

    @property
    def weight(self) -> int:
        """How many ordinary texts it counts as in a batch."""
        return max(1, -(-max(len(self.ids), self.padded_to) // ORDINARY_TOKENS))


class Encoder(Protocol):
    """One model. Preparing is thread-safe; encoding runs in one thread only.

    Encoding raises OutOfMemory if a smaller batch may succeed, and DeviceFailed if none will.
    """

    @property
    def info(self) -> ModelInfo: ...

    @property
    def traits(self) -> ModelTraits: ...

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def batch_size(self) -> int:
        """How many images at once suit this model on its device."""

    @property
    def start(self) -> Mapping[str, StartBatch]:
        """How to start a batch of images or texts, in the thread that encodes.

        Empty where the device has nothing to do before the batch is waited for.
        """

    @property
    def resizes_first(self) -> bool:
        """Whether images are resized in their own mode, before they become RGB."""

    def smallest_useful(self, width: int, height: int) -> Size | None:
        """The smallest size at which an image may be decoded; None for its full size."""

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        """An image → an input of `encode_images`."""

    @property
    def portable_prepare(self) -> Prepare | None:
        """`prepare_image` for other processes, which can be pickled; None if it cannot."""

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]: ...

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        """Float32 embeddings of shape (images, dimension), not normalised."""

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        """Float32 embeddings of shape (texts, dimension), not normalised."""


def runs_of(texts: Iterable[str], chars: int = TOKENIZED_CHARS) -> Iterator[list[str]]:
    """Texts in runs to prepare together, of at most `chars` characters or one longer text.

    A tokenizer takes about a hundred bytes for each character, even those that it then truncates.
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
    """The embedding of a text in several templates, from that in each: (dimension,) each.

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
