"""Packed linear layers give the numbers of plain ones."""

import copy
import math

import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN

from worker.model.cpu.linear import PackedLinear, pack_linear_layers

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
    reason="this build of torch has no oneDNN",
)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(96, 384), nn.GELU(), nn.Linear(384, 32, bias=False))
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.layers(inputs)
        attended: torch.Tensor = self.attention(hidden, hidden, hidden)[0]
        return attended


def packed(model: nn.Module) -> int:
    return sum(isinstance(module, PackedLinear) for module in model.modules())


class FeedForward(nn.Module):
    """As in a layer of CLIP."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(96, 384)
        self.activation_fn = ACT2FN[activation]
        self.fc2 = nn.Linear(384, 96)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.fc2(self.activation_fn(self.fc1(inputs)))
        return outputs


@torch.inference_mode()
@pytest.mark.parametrize("activation", ["quick_gelu", "gelu", "gelu_pytorch_tanh"])
def test_an_activation_goes_into_the_layer_before_it(activation: str) -> None:
    model = FeedForward(activation).eval()
    quick = copy.deepcopy(model)
    pack_linear_layers(quick, worth_it=0)
    assert packed(quick) == 2
    assert isinstance(quick.activation_fn, nn.Identity)
    inputs = 10 * torch.randn(5, 50, 96)  # where the activations bend, and far beyond
    assert torch.allclose(quick(inputs), model(inputs), atol=1e-5)


@torch.inference_mode()
def test_an_activation_that_is_not_known_stays() -> None:
    model = FeedForward("silu").eval()
    quick = copy.deepcopy(model)
    pack_linear_layers(quick, worth_it=0)
    assert packed(quick) == 2
    inputs = torch.randn(5, 50, 96)
    assert torch.allclose(quick(inputs), model(inputs), atol=1e-5)


@torch.inference_mode()
def test_the_numbers_stay() -> None:
    model = Model().eval()
    quick = copy.deepcopy(model)
    pack_linear_layers(quick, worth_it=0)
    assert packed(quick) == 2
    for shape in ((1, 1, 96), (3, 50, 96), (8, 197, 96)):
        inputs = torch.randn(shape)
        assert torch.allclose(quick(inputs), model(inputs), atol=1e-5)


def test_the_shape_and_type_of_the_weights_can_still_be_asked_for() -> None:
    linear = nn.Linear(96, 384)
    told = PackedLinear(linear).weight
    assert (told.shape, told.dtype) == (linear.weight.shape, linear.weight.dtype)


def test_nothing_changes_where_it_does_not_pay() -> None:
    model = Model()
    pack_linear_layers(model, worth_it=math.inf)
    assert packed(model) == 0


def test_other_types_are_left_to_torch() -> None:
    model = Model().to(torch.bfloat16)
    pack_linear_layers(model, worth_it=0)
    assert packed(model) == 0


def test_a_model_without_linear_layers_is_left_alone() -> None:
    pack_linear_layers(nn.Sequential(nn.ReLU()), worth_it=0)
