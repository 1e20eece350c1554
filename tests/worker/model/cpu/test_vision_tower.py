"""The image encoder without transformers around it: the same numbers, or it is not used."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.images import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from worker.model.checkpoint import Checkpoint, open_checkpoint
from worker.model.cpu.linear import PackedLinear, pack_linear_layers
from worker.model.cpu.vision_tower import VisionTower, has_tower
from worker.model.source import Source

HAVE_TOWERS = {"clip", "clipseg", "metaclip_2", "chinese_clip", "altclip"}
SAMPLES = [np.asarray(noise(48, 48, seed=seed)) for seed in range(3)]


def inputs(checkpoint: Checkpoint, count: int = len(SAMPLES)) -> dict[str, torch.Tensor]:
    return dict(checkpoint.image_processor(images=SAMPLES[:count], return_tensors="pt"))


@torch.inference_mode()
def assert_same(checkpoint: Checkpoint, tower: VisionTower, count: int) -> None:
    images = inputs(checkpoint, count)
    expected = checkpoint.model.get_image_features(**images).pooler_output
    most = 1e-5 * float(expected.abs().max())
    assert torch.allclose(tower(**images), expected, rtol=0, atol=most)


@pytest.fixture
def demo() -> Checkpoint:
    return open_checkpoint(Source(str(DEMO_MODEL)))


@pytest.mark.parametrize("family", FAMILIES)
def test_families_whose_tower_is_known(
    family: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = save_tiny_model(family, tmp_path_factory.mktemp("model"))
    checkpoint = open_checkpoint(Source(str(folder)))
    assert has_tower(checkpoint.model, inputs(checkpoint)) == (family in HAVE_TOWERS)
    if family in HAVE_TOWERS:
        assert_same(checkpoint, VisionTower(checkpoint.model), count=1)


def test_the_weights_are_those_of_packed_layers(demo: Checkpoint) -> None:
    with torch.inference_mode():
        expected = demo.model.get_image_features(**inputs(demo)).pooler_output
    pack_linear_layers(demo.model, worth_it=0)
    assert any(isinstance(module, PackedLinear) for module in demo.model.modules())
    with torch.inference_mode():
        found = VisionTower(demo.model)(**inputs(demo))
    assert torch.allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert_same(demo, VisionTower(demo.model), count=2)


def test_a_model_that_does_something_else_too_has_none(demo: Checkpoint) -> None:
    demo.model.vision_model.post_layernorm.register_forward_pre_hook(
        lambda _, inputs: (inputs[0].flip(-1),)
    )
    assert not has_tower(demo.model, inputs(demo))


def test_what_consists_of_other_things_has_none() -> None:
    for other in (torch.nn.Linear(2, 2), SimpleNamespace(vision_model=torch.nn.Identity())):
        assert not has_tower(other, {"pixel_values": torch.zeros(1, 3, 2, 2)})


def test_a_model_that_takes_more_than_pixels_has_none(demo: Checkpoint) -> None:
    more = inputs(demo) | {"spatial_shapes": torch.ones(3, 2)}
    assert not has_tower(demo.model, more)
