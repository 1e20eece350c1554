"""A fake worker.model.encoder.Encoder that can misbehave."""

from collections.abc import Mapping, Sequence

import numpy as np

from common.protocol.messages import ModelInfo, ModelTraits, Vectors
from worker.images.decode import DecodedImage, Size
from worker.model.encoder import PreparedImage, PreparedText, StartBatch

CONTEXT = 8
POISON = 13
"""The brightness of an image that makes the model raise."""
TOO_MUCH = 17
"""The brightness of an image for which there is not enough memory."""


class FakeEncoder:
    """An image's embedding is its mean colour and 1, a text's its length, 2, 3 and 0."""

    device = "cpu"
    dtype = "float32"
    batch_size = 32
    start: Mapping[str, StartBatch] = {}
    portable_prepare = None
    resizes_first = False

    traits = ModelTraits("fake", CONTEXT)

    def __init__(self, name: str = "fake") -> None:
        self.info = ModelInfo(name, "main", dimension=4, logit_scale=10.0)
        self.batches: list[int] = []

    def smallest_useful(self, width: int, height: int) -> Size | None:
        return width // 8, height // 8

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        if np.all(image.pixels == TOO_MUCH):
            raise MemoryError
        return {"mean": image.pixels.reshape(-1, 3).mean(axis=0).astype(np.float32)}

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        return [
            PreparedText(tuple(range(min(len(text), CONTEXT))), len(text) > CONTEXT)
            for text in texts
        ]

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        self.batches.append(len(images))
        for image in images:
            if np.all(image["mean"] == POISON):
                raise ValueError("poison")
        return np.array([[*image["mean"], 1] for image in images], dtype=np.float32)

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        self.batches.append(len(texts))
        return np.array([[len(text.ids), 2, 3, 0] for text in texts], dtype=np.float32)
