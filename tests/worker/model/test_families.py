"""Encoders of every family: the same embeddings in any batch and in any precision."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.images import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source

Floats = npt.NDArray[np.float32]

TEXTS = ["a cat", "", "a very long label " * 20, "x", "the dog in the photo with a red pizza on it"]
SAMPLES = [
    DecodedImage.of(np.asarray(noise(*size, seed=7)))
    for size in ((40, 40), (90, 30), (31, 200), (8, 8))
]


def units(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request: pytest.FixtureRequest, folder: Path) -> ClipEncoder:
    path = save_tiny_model(request.param, folder / f"encoder-{request.param}")
    return ClipEncoder(open_checkpoint(Source(str(path))), "cpu", "float32")


def test_texts_of_any_length_share_a_batch(encoder: ClipEncoder) -> None:
    prepared = encoder.prepare_texts(TEXTS)
    alone = np.concatenate([encoder.encode_texts([text]) for text in prepared])
    together = encoder.encode_texts(prepared)
    assert np.abs(units(together) - units(alone)).max() < 1e-5
    assert (units(alone) @ units(alone).T).min() < 0.999, "the texts differ"


def test_images_of_any_shape_share_a_batch(encoder: ClipEncoder) -> None:
    prepared = [encoder.prepare_image(image) for image in SAMPLES]
    alone = np.concatenate([encoder.encode_images([image]) for image in prepared])
    together = encoder.encode_images(prepared)
    assert np.abs(units(together) - units(alone)).max() < 1e-5


def test_only_texts_beyond_the_context_are_called_truncated(encoder: ClipEncoder) -> None:
    truncated = [text.truncated for text in encoder.prepare_texts(TEXTS)]
    assert truncated == [False, False, True, False, False]


def test_texts_are_prepared_by_several_threads_at_once(encoder: ClipEncoder) -> None:
    alone = encoder.prepare_texts(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for prepared in pool.map(encoder.prepare_texts, [TEXTS] * 64):
            assert prepared == alone


def test_texts_and_images_have_the_reported_dimension(encoder: ClipEncoder) -> None:
    images = encoder.encode_images([encoder.prepare_image(SAMPLES[0])])
    texts = encoder.encode_texts(encoder.prepare_texts(["a"]))
    assert images.shape == texts.shape == (1, encoder.info.dimension)


def test_the_model_is_given_the_numbers_of_its_preprocessor() -> None:
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    encoder = ClipEncoder(checkpoint, "cpu", "float32")
    given: list[torch.Tensor] = []
    checkpoint.model.vision_model.embeddings.register_forward_pre_hook(
        lambda _module, arguments: given.append(arguments[0])
    )
    encoder.encode_images([encoder.prepare_image(image) for image in SAMPLES])
    expected = checkpoint.image_processor([image.image for image in SAMPLES], return_tensors="pt")
    assert (given[0] - expected["pixel_values"]).abs().max() < 1e-6


@pytest.mark.parametrize(("dtype", "difference"), [("float16", 1e-3), ("bfloat16", 5e-3)])
def test_half_precision_stays_near(dtype: str, difference: float) -> None:
    """Of a model that was trained: in random weights, errors have nothing to cancel against.

    Of a hundred images, the stock model's largest differences are 5e-4 and 3.7e-3.
    """
    cosines = []
    for precision in ("float32", dtype):
        encoder = ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", precision)
        assert encoder.dtype == precision
        images = encoder.encode_images([encoder.prepare_image(p) for p in SAMPLES])
        texts = encoder.encode_texts(encoder.prepare_texts(TEXTS))
        assert images.dtype == texts.dtype == np.float32
        cosines.append(units(images) @ units(texts).T)
    assert np.abs(cosines[0] - cosines[1]).max() < difference
