"""A GPU in half precision gives the embeddings of float32 on a processor, nearly."""

from pathlib import Path

import pytest

from tests.gpu.cards import cosines, encoder, needs_gpu, prepared
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model

pytestmark = needs_gpu

TEXTS = ["a photo of a cat", "dog", "a very long label in red and blue on the pizza"]
LEAST = {"float32": 0.99999, "float16": 0.999, "bfloat16": 0.99}


def test_auto_is_float16() -> None:
    chosen = encoder(DEMO_MODEL)
    assert (chosen.device, chosen.dtype) == ("cuda:0", "float16")


@pytest.mark.parametrize("dtype", LEAST)
def test_the_demo_models_embeddings_stay(dtype: str) -> None:
    reference, found = encoder(DEMO_MODEL, "cpu"), encoder(DEMO_MODEL, dtype=dtype)
    images = prepared(reference, range(16))
    texts = reference.prepare_texts(TEXTS)
    of_images = cosines(found.encode_images(images), reference.encode_images(images))
    of_texts = cosines(found.encode_texts(texts), reference.encode_texts(texts))
    assert of_images.min() > LEAST[dtype]
    assert of_texts.min() > LEAST[dtype]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_runs_in_half_precision(family: str, tmp_path: Path) -> None:
    folder = save_tiny_model(family, tmp_path)
    # The tiny one's numbers are of 1e-17, which float16 takes for zero.
    dtype = "bfloat16" if family == "align" else "float16"
    reference, found = encoder(folder, "cpu"), encoder(folder, dtype=dtype)
    images = prepared(reference, range(4))
    texts = reference.prepare_texts(TEXTS)
    of_images = cosines(found.encode_images(images), reference.encode_images(images))
    of_texts = cosines(found.encode_texts(texts), reference.encode_texts(texts))
    assert of_images.min() > LEAST["bfloat16"]
    assert of_texts.min() > LEAST["bfloat16"]


def test_a_image_is_the_same_in_any_company() -> None:
    model = encoder(DEMO_MODEL)
    images = prepared(model, range(33))
    alone = [model.encode_images([image])[0] for image in images]
    assert cosines(model.encode_images(images), alone).min() > LEAST["float16"]
