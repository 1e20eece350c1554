"""Linear layers through oneDNN, on processors where that is faster than what torch takes by itself.

For float32 torch calls MKL, which runs its AVX2 code on processors of other makers, where oneDNN's
AVX-512 code does the same in half the time. The weights are laid out for it once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import structlog
import torch
from torch import nn

from worker.model.cpu.timing import quickest_s

log = structlog.get_logger()

WORTH_IT = 1.0  # for the activations that come with it are not even measured
ROWS = 256  # tokens of a few images
TOLERANCE = 1e-4  # of a layer's largest output: both sum in float32, each in its own order


@dataclass(frozen=True, slots=True)
class Activation:
    """What oneDNN does with each output before it leaves the processor: `of(stretch · x)`."""

    of: str = "none"
    variant: str = ""
    stretch: float = 1.0


FUSED = {
    # x · sigmoid(1.702 x), which is swish(1.702 x) / 1.702: the next layer divides.
    "QuickGELUActivation": Activation("swish", stretch=1.702),
    "GELUActivation": Activation("gelu", "none"),
    "GELUTanh": Activation("gelu", "tanh"),
}
"""By the name that transformers gives an activation's class."""


class PackedLinear(nn.Module):
    """A linear layer in inference; `weight` tells what was packed, and has no values any more.

    Its inputs are multiplied by `scale` before, its outputs go through the activation after.
    """

    def __init__(
        self, linear: nn.Linear, activation: Activation = Activation(), scale: float = 1.0
    ) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.weight = weight.to("meta")
        self.bias = None if linear.bias is None else linear.bias.detach() * activation.stretch
        # Looked up once: otherwise each call does.
        self._run = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
        packed = torch.ops.mkldnn._reorder_linear_weight(  # noqa: SLF001
            weight * (activation.stretch * scale), None
        )
        self._constants: tuple[object, ...] = (
            *(packed, self.bias),
            *(activation.of, [], activation.variant),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, features in) → (…, features out)."""
        outputs: torch.Tensor = self._run(inputs, *self._constants)
        return outputs


@torch.inference_mode()
def pack_linear_layers(model: nn.Module, worth_it: float = WORTH_IT) -> None:
    """Replace the linear layers of a model where that makes them `worth_it` times faster.

    Its numbers stay, but for rounding. Only float32 on the processor is ever replaced.
    """
    places = list(_places(model))
    if not places or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    largest = max((linear for *_, linear in places), key=lambda linear: linear.weight.numel())
    try:
        gain = _gain(largest)
    except (RuntimeError, NotImplementedError) as error:
        log.info("linear_layers", engine="torch", reason=type(error).__name__)
        return
    pays = gain > worth_it
    log.info("linear_layers", engine="onednn" if pays else "torch", gain=round(gain, 2))
    if pays:
        for module in model.modules():
            _fuse_activation(module)
        for parent, name, linear in list(_places(model)):  # those that are left
            setattr(parent, name, PackedLinear(linear))


def _places(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    for parent in model.modules():
        for name, child in parent.named_children():
            if _is_plain(child):
                yield parent, name, child


def _fuse_activation(block: Any) -> None:  # noqa: ANN401
    """Pack the two layers of a feed-forward block, the activation between them into the first."""
    if not all(hasattr(block, name) for name in ("fc1", "activation_fn", "fc2")):
        return
    activation = FUSED.get(type(block.activation_fn).__name__)
    if activation is None or not all(_is_plain(linear) for linear in (block.fc1, block.fc2)):
        return
    block.fc1 = PackedLinear(block.fc1, activation)
    block.activation_fn = nn.Identity()
    block.fc2 = PackedLinear(block.fc2, scale=1 / activation.stretch)


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    # Not of subclasses: whoever derives one may look into it.
    if type(module) is not nn.Linear:
        return False
    return module.weight.device.type == "cpu" and module.weight.dtype == torch.float32


def _gain(linear: nn.Linear) -> float:
    """How many times faster a layer is when it is packed; 0 when it is not the same."""
    packed = PackedLinear(linear)
    inputs = torch.rand(ROWS, linear.in_features) - 0.5
    expected, found = linear(inputs), packed(inputs)
    if not torch.allclose(found, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max())):
        return 0.0
    plain_s, packed_s = quickest_s(lambda: linear(inputs), lambda: packed(inputs))
    return plain_s / packed_s
