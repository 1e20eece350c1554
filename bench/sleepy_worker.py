"""A worker whose model sleeps: `python -m bench.sleepy_worker`.

Otherwise it is the real worker. It needs no CPU while its model is busy, so several on one machine
show how the service scales. BENCH_SECONDS_PER_IMAGE is the time of an image.
"""

import os
import time
from collections.abc import Mapping, Sequence

import numpy as np

from common.protocol.messages import ModelInfo, ModelTraits, Vectors
from worker.__main__ import main
from worker.app import process
from worker.images.decode import DecodedImage, Size
from worker.model.encoder import PreparedImage, PreparedText, StartBatch


class SleepyEncoder:
    """An image's embedding is its mean colour and 1, a text's its length and three constants."""

    device = "cpu"
    dtype = "float32"
    batch_size = 1
    start: Mapping[str, StartBatch] = {}
    portable_prepare = None
    resizes_first = False
    traits = ModelTraits("sleepy", context_length=1)

    def __init__(self, name: str, seconds_per_image: float) -> None:
        self.info = ModelInfo(name, "main", dimension=4, logit_scale=10.0)
        self._seconds = seconds_per_image

    def smallest_useful(self, _width: int, _height: int) -> Size | None:
        return None

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        return {"mean": image.pixels.reshape(-1, 3).mean(axis=0).astype(np.float32)}

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        return [PreparedText((len(text),), truncated=False) for text in texts]

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        time.sleep(self._seconds * len(images))
        return np.array([[*image["mean"], 1] for image in images], dtype=np.float32)

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        return np.array([[text.ids[0], 2, 3, 0] for text in texts], dtype=np.float32)


def make_encoder() -> SleepyEncoder:
    return SleepyEncoder(process.settings.name, float(os.environ["BENCH_SECONDS_PER_IMAGE"]))


if __name__ == "__main__":
    process.load_encoder = make_encoder  # type: ignore[method-assign]
    main()
