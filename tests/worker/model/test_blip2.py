"""BLIP-2: one vector for an image, the mean of those of its query tokens."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForImageTextRetrieval

from tests.images import noise
from tests.tiny_models import save_tiny_model
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source

TEXTS = ["a cat", "a very long label on a red pizza"]
IMAGES = [noise(40, 40, seed=1), noise(90, 33, seed=2), noise(20, 60, seed=3)]


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Path:
    return save_tiny_model("blip-2", folder / "blip-2")


def test_cosines_are_the_mean_of_those_of_the_models_query_tokens(checkpoint: Path) -> None:
    encoder = ClipEncoder(open_checkpoint(Source(str(checkpoint))), "cpu", "float32")
    images = encoder.encode_images(
        [encoder.prepare_image(DecodedImage.of(np.asarray(image))) for image in IMAGES]
    )
    texts = encoder.encode_texts(encoder.prepare_texts(TEXTS))
    units = texts / np.linalg.norm(texts, axis=1, keepdims=True)

    stock = Blip2ForImageTextRetrieval.from_pretrained(checkpoint).eval()
    words = AutoTokenizer.from_pretrained(checkpoint)(TEXTS, padding=True, return_tensors="pt")
    shown = AutoImageProcessor.from_pretrained(checkpoint)(images=IMAGES, return_tensors="pt")
    with torch.inference_mode():
        outputs = stock(
            pixel_values=shown["pixel_values"],
            input_ids=words["input_ids"],
            attention_mask=words["attention_mask"],
        )
    tokens = outputs.image_embeds @ outputs.text_embeds.T
    assert np.abs(images @ units.T - tokens.mean(dim=1).numpy()).max() < 1e-5
    # Of which the model's own score is the largest.
    assert torch.allclose(tokens.max(dim=1).values, outputs.logits_per_image)
    directions = normalize(torch.from_numpy(images), dim=-1).numpy()
    assert np.ptp(directions @ units.T, axis=0).max() > 0.01


def test_its_logits_are_cosines(checkpoint: Path) -> None:
    encoder = ClipEncoder(open_checkpoint(Source(str(checkpoint))), "cpu", "float32")
    assert (encoder.info.logit_scale, encoder.info.activation) == (1.0, "softmax")
    assert (encoder.traits.family, encoder.traits.context_length) == ("BLIP-2", 20)


def test_a_model_for_captions_is_refused_before_its_weights_are_fetched(tmp_path: Path) -> None:
    kind = "Blip2ForConditionalGeneration"
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "blip-2", "architectures": [kind]})
    )
    with pytest.raises(ModelLoadError, match=f"of another class than .*: {kind}"):
        Source(str(tmp_path)).fetch()


def test_a_model_of_videos_is_refused_by_what_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "videoprism"}')
    with pytest.raises(ModelLoadError, match="it is a videoprism model, which compares texts with"):
        open_checkpoint(Source(str(tmp_path)))
