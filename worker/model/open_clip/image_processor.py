"""How open_clip prepares images, from its `preprocess_cfg`."""

import numpy as np

from worker.images.preprocess import Normalise, Preprocessor, ShortestEdgeCrop, Stretch, Within
from worker.model.open_clip.schema import CLIP_MEAN, CLIP_STD, Numbers, PreprocessConfig

BILINEAR, BICUBIC = 2, 3  # of Pillow
MAX_OF_BYTE = 255


def make_preprocessor(config: PreprocessConfig, size: int) -> Preprocessor:
    """For a model that takes images of `size` by `size` pixels."""
    normalise = _normalise(config.mean or CLIP_MEAN, config.std or CLIP_STD)
    resample = BILINEAR if config.interpolation == "bilinear" else BICUBIC
    if config.resize_mode == "squash":
        return Stretch(size, size, resample, normalise, keeps_mode=True)
    if config.resize_mode == "longest":
        return Within(size, size, resample, normalise, fill=config.fill_color or 0)
    return ShortestEdgeCrop(size, size, size, resample, normalise, rounds=True, keeps_mode=True)


def _normalise(mean: Numbers, std: Numbers) -> Normalise:
    means, stds = (np.broadcast_to(np.asarray(each, np.float64), 3) for each in (mean, std))
    return Normalise(
        (1 / (MAX_OF_BYTE * stds)).astype(np.float32), (-means / stds).astype(np.float32)
    )
