"""Which card the tests of this package run on, and what they hold its numbers against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tests.images import noise
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import PreparedImage
from worker.model.source import Source

DEVICE = "cuda"
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def encoder(model: object, device: str = DEVICE, dtype: str = "auto") -> ClipEncoder:
    return ClipEncoder(open_checkpoint(Source(str(model))), device, dtype)


def prepared(model: ClipEncoder, seeds: Sequence[int]) -> list[PreparedImage]:
    images = [np.asarray(noise(96, 80, seed=seed)) for seed in seeds]
    return [model.prepare_image(DecodedImage.of(image)) for image in images]


def cosines(found: Any, expected: Any) -> Any:
    """Row by row."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(axis=1) / lengths
