"""Packed linear layers give the numbers of plain ones, or are not used."""

import copy

import pytest
import torch
from structlog.testing import capture_logs
from torch import nn

from tests.worker.model.cpu.linear_model import Model
from worker.model.cpu.linear import MEASURED, PackedLinear, pack_linear_layers

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    or torch.backends.cpu.get_cpu_capability() not in MEASURED,
    reason="linear layers are not packed on this processor, or with this build of torch",
)


def packed(model: nn.Module) -> int:
    return sum(isinstance(module, PackedLinear) for module in model.modules())


@torch.inference_mode()
def test_the_numbers_stay() -> None:
    model = Model().eval()
    quick = copy.deepcopy(model)
    pack_linear_layers(quick)
    assert packed(quick) == 2
    for shape in ((1, 1, 96), (3, 50, 96), (8, 197, 96)):
        inputs = torch.randn(shape)
        assert torch.allclose(quick(inputs), model(inputs), atol=1e-5)


def test_the_shape_and_type_of_the_weights_can_still_be_asked_for() -> None:
    linear = nn.Linear(96, 384)
    weight = PackedLinear(linear).weight
    assert (weight.shape, weight.dtype) == (linear.weight.shape, linear.weight.dtype)


def absent(*_: object) -> torch.Tensor:
    raise NotImplementedError("no such operator")


def other_numbers(_: object, inputs: torch.Tensor) -> torch.Tensor:
    return torch.zeros(*inputs.shape[:-1], 384)


@pytest.mark.parametrize("failure", [absent, other_numbers])
def test_what_fails_or_gives_other_numbers_is_not_used_and_said(
    failure: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackedLinear, "forward", failure)
    model = Model()
    with capture_logs() as logs:
        pack_linear_layers(model)
    assert packed(model) == 0
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("linear_layers_not_packed", "warning")
    ]


def test_other_types_are_left_to_torch() -> None:
    model = Model().to(torch.bfloat16)
    pack_linear_layers(model)
    assert packed(model) == 0


def test_a_model_without_linear_layers_is_left_alone() -> None:
    pack_linear_layers(nn.Sequential(nn.ReLU()))
