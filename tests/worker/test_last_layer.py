"""The last layer makes its first token alone, where no other is read; the numbers stay."""

import numpy as np
import pytest
import torch

from tests.pictures import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from worker.checkpoint import Checkpoint, open_checkpoint
from worker.last_layer import FirstTokenLayer, read_first_token_only
from worker.source import Source

BY_FIRST_TOKEN = {"clip", "clipseg", "metaclip_2", "chinese_clip", "altclip"}
PICTURES = [np.asarray(noise(48, 48, seed=seed)) for seed in range(3)]


@torch.inference_mode()
def features(checkpoint: Checkpoint) -> torch.Tensor:
    inputs = checkpoint.image_processor(images=PICTURES, return_tensors="pt")
    found: torch.Tensor = checkpoint.model.get_image_features(**inputs).pooler_output
    return found


def is_replaced(checkpoint: Checkpoint) -> bool:
    return any(isinstance(module, FirstTokenLayer) for module in checkpoint.model.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_numbers_stay_in_every_family(
    family: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = save_tiny_model(family, tmp_path_factory.mktemp("model"))
    checkpoint = open_checkpoint(Source(str(folder)))
    before = features(checkpoint)
    read_first_token_only(checkpoint.model, lambda: features(checkpoint))
    assert is_replaced(checkpoint) == (family in BY_FIRST_TOKEN)
    after = features(checkpoint)
    assert torch.allclose(after, before, rtol=0, atol=1e-5 * float(before.abs().max()))


def test_a_layer_that_others_read_too_stays_whole() -> None:
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    model = checkpoint.model.vision_model
    read_first_token_only(
        checkpoint.model,
        lambda: model(
            pixel_values=torch.linspace(0, 1, 3 * 60 * 60).view(1, 3, 60, 60)
        ).last_hidden_state.mean(dim=1),
    )
    assert not is_replaced(checkpoint)


def test_other_things_are_left_alone() -> None:
    for other in (torch.nn.Linear(2, 2), torch.nn.ModuleList()):
        read_first_token_only(other, lambda: pytest.fail("there is nothing to compare"))
