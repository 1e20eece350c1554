"""Embeddings of checkpoints in the format of open_clip are those that open_clip makes."""

from pathlib import Path

import numpy as np
import pytest

from tests.open_clip.checkpoints import save_model
from tests.open_clip.comparison import check, units
from tests.open_clip.models import MODELS, PICTURES, TEXTS
from worker.images.decode import Conversion, EncodedImage
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import PreparedImage
from worker.model.source import Source

LIMITS = Limits(10**8, 100)


def prepare(encoder: ClipEncoder, path: Path) -> PreparedImage:
    conversion = Conversion(keeps_mode=encoder.resizes_first)
    image = EncodedImage.open(path.read_bytes(), LIMITS, conversion)
    return encoder.prepare_image(image.decode())


@pytest.mark.parametrize("name", MODELS)
def test_the_numbers_are_those_of_open_clip(name: str, tmp_path: Path) -> None:
    folder = save_model(MODELS[name], tmp_path / "model")
    source = Source(str(folder), allow_pickle=True)
    encoder = ClipEncoder(open_checkpoint(source), "cpu", "float32")
    images = encoder.encode_images([prepare(encoder, path) for path in PICTURES])
    cosines = units(images) @ units(encoder.encode_texts(encoder.prepare_texts(TEXTS))).T
    logits = encoder.info.logit_scale * cosines + encoder.info.logit_bias
    if encoder.info.activation == "sigmoid":
        probabilities = 1 / (1 + np.exp(-logits))
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    check(name, cosines, probabilities)
    assert encoder.traits.format == "open_clip"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        {*("open_clip_config.json", "tokenizer.json", "tokenizer_config.json"), MODELS[name].file}
        | ({"config.json"} if MODELS[name].stub else set())
    ), "nothing is written"
