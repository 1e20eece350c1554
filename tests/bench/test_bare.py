"""The bare model does the same work as the other contenders."""

import io
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from bench.bare import BareModel, carry_out
from bench.images import PHOTO, THUMBNAIL, Kind, draw
from bench.orders import Order
from tests.processes import DEMO_MODEL


@pytest.fixture(scope="module")
def bare() -> BareModel:
    return BareModel(str(DEMO_MODEL), "float32")


@pytest.mark.parametrize("kind", [PHOTO, THUMBNAIL])
@torch.inference_mode()
def test_its_embeddings_are_those_of_the_reference(bare: BareModel, kind: Kind) -> None:
    content = draw(kind, seed=5)
    processor: Any = CLIPProcessor.from_pretrained(DEMO_MODEL)
    model = CLIPModel.from_pretrained(DEMO_MODEL, dtype=torch.float32).eval()
    inputs = processor(images=Image.open(io.BytesIO(content)), return_tensors="pt")
    expected = model.get_image_features(**inputs).pooler_output
    assert torch.allclose(bare.encode([content]), expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
@torch.inference_mode()
def test_other_precisions_are_near_to_float32(bare: BareModel, dtype: str) -> None:
    images = [draw(THUMBNAIL, seed) for seed in range(4)]
    exact, rounded = bare.encode(images), BareModel(str(DEMO_MODEL), dtype).encode(images)
    cosines = torch.cosine_similarity(exact, rounded)
    assert cosines.min() > 0.99
    assert cosines.max() < 0.9999999


def test_it_goes_on_until_the_time_is_up(bare: BareModel) -> None:
    report = carry_out(Order(batch=3, seconds=0.2), bare, [draw(THUMBNAIL, seed=5)])
    assert report.images == 3 * len(report.batches_s)
    assert report.seconds >= 0.2
    assert sum(report.batches_s) == pytest.approx(report.seconds, rel=0.1)
