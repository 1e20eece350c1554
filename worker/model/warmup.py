"""The first run of a model, and the sizes of batches and of concurrency."""

import numpy as np

from worker.images.decode import DecodedImage
from worker.model.encoder import Encoder, PreparedImage, PreparedText

BATCH_ON_GPU = 128
MAX_BATCH_ON_CPU = 32
PARAMETERS_ON_CPU = 2_000_000_000
"""Of the image encoder, times the images of a batch: a second or two of a few cores."""
TEXTS_PER_IMAGE = 8

MIN_PARTS = 8
MAX_PARTS = 64
MAX_PARTS_ON_CPU = 32
"""Their threads share the cores with the model: with 64 a small one was a seventh slower."""


def warm_up(encoder: Encoder) -> None:
    """Run the model once on each kind of item."""
    encoder.encode_texts([short_text(encoder)] * 2)
    encoder.encode_images([blank_image(encoder)])


def blank_image(encoder: Encoder) -> PreparedImage:
    """A black image; how long the model takes does not depend on what it sees."""
    return encoder.prepare_image(DecodedImage.of(np.zeros((64, 64, 3), dtype=np.uint8)))


def short_text(encoder: Encoder) -> PreparedText:
    [text] = encoder.prepare_texts(["warm up"])
    return text


def images_at_once(device: str, parameters: int) -> int:
    """The batch size for an image encoder with that many parameters.

    If it does not fit into the GPU's memory, the batcher halves it. On a CPU a large model gains
    little from large batches, and other requests wait for them.
    """
    if device != "cpu":
        return BATCH_ON_GPU
    max_size = max(1, min(MAX_BATCH_ON_CPU, PARAMETERS_ON_CPU // parameters))
    return 1 << max_size.bit_length() - 1  # a power of two: 11 of ViT-B/32 took longer each than 8


def parts_at_once(batch_size: int, device: str) -> int:
    """How many parts to run at once: while one batch runs, the next accumulates."""
    max_parts = MAX_PARTS_ON_CPU if device == "cpu" else MAX_PARTS
    return max(MIN_PARTS, min(max_parts, 2 * batch_size))
