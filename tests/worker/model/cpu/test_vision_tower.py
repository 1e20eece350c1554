"""The image encoder without transformers around it: the same numbers, or it is not used."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from tests.images import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from worker.model.checkpoint import open_checkpoint
from worker.model.cpu.vision_tower import make_vision_tower
from worker.model.loaded_checkpoint import Checkpoint
from worker.model.source import Source

HAVE_TOWERS = {"clip", "clipseg", "metaclip_2", "chinese_clip", "altclip"}
SAMPLES = [np.asarray(noise(48, 48, seed=seed)) for seed in range(3)]


@pytest.fixture
def demo() -> Checkpoint:
    return open_checkpoint(Source(str(DEMO_MODEL)))


@torch.inference_mode()
@pytest.mark.parametrize("family", FAMILIES)
def test_families_have_the_numbers_of_their_model(
    family: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = save_tiny_model(family, tmp_path_factory.mktemp("model"))
    checkpoint = open_checkpoint(Source(str(folder)))
    with capture_logs() as logs:
        tower = make_vision_tower(checkpoint.model)
    assert not logs
    assert (tower is not None) == (family in HAVE_TOWERS)
    if tower:
        inputs = checkpoint.image_processor(images=SAMPLES, return_tensors="pt")
        expected = checkpoint.model.get_image_features(**inputs).pooler_output
        most = 1e-5 * float(expected.abs().max())
        assert torch.allclose(tower(**inputs), expected, rtol=0, atol=most)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounding_in_half_precision_is_no_difference(demo: Checkpoint, dtype: torch.dtype) -> None:
    assert make_vision_tower(demo.model.to(dtype))


def assert_said(model: object) -> None:
    with capture_logs() as logs:
        assert make_vision_tower(model) is None
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("vision_tower_not_used", "warning")
    ]


def test_a_model_that_does_something_else_too_has_none(demo: Checkpoint) -> None:
    demo.model.vision_model.post_layernorm.register_forward_pre_hook(
        lambda _, inputs: (inputs[0].flip(-1),)
    )
    assert_said(demo.model)


def test_what_consists_of_other_things_has_none(demo: Checkpoint) -> None:
    assert_said(SimpleNamespace(config=demo.config, vision_model=torch.nn.Identity()))


def test_numbers_that_are_none_have_none(demo: Checkpoint) -> None:
    demo.model.visual_projection.weight.data.fill_(torch.nan)
    assert_said(demo.model)
