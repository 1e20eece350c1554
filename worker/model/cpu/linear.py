"""Linear layers with oneDNN, their weights packed once.

For float32 torch calls MKL, whose code for other makers' processors is AVX2: oneDNN's AVX-512 code
takes half the time there. On Intel's the gain is the packing that each call would do. Torch has no
public name for this; TorchInductor, its compiler, calls the same two operators.
"""

from collections.abc import Iterator
from typing import TypeGuard

import structlog
import torch
from torch import nn

log = structlog.get_logger()

MEASURED = {"AVX2", "AVX512"}
"""Packed layers were never measured slower with these; other processors use torch's default."""
ROWS = 8
TOLERANCE = 1e-4  # of a layer's largest output: both sum in float32, each in its own order


class PackedLinear(nn.Module):
    """A linear layer in inference; `weight` has the shape of what was packed, but no values."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.weight = weight.to("meta")
        self.bias = None if linear.bias is None else linear.bias.detach()
        # Looked up once instead of at each call.
        self._run = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)  # noqa: SLF001

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, features in) → (…, features out)."""
        outputs: torch.Tensor = self._run(inputs, self._packed, self.bias, "none", [], "")
        return outputs


@torch.inference_mode()
def pack_linear_layers(model: nn.Module) -> None:
    """Replace the linear layers of a model if that is faster on this processor.

    The numbers stay the same, except for rounding. Only float32 on a CPU is replaced.
    """
    if torch.backends.cpu.get_cpu_capability() not in MEASURED:
        return
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    try:
        for parent, name, linear in list(_places(model)):
            setattr(parent, name, _checked(linear))
    except (AttributeError, RuntimeError) as error:
        log.warning("linear_layers_not_packed", error=str(error))


def _places(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    for parent in model.modules():
        for name, child in parent.named_children():
            if _is_plain(child):
                yield parent, name, child


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    # Not subclasses: they may use the weight themselves.
    if type(module) is not nn.Linear:
        return False
    return module.weight.device.type == "cpu" and module.weight.dtype == torch.float32


def _checked(linear: nn.Linear) -> PackedLinear:
    """Raises RuntimeError: packed, the layer gives other numbers."""
    packed = PackedLinear(linear)
    inputs = torch.linspace(-1, 1, ROWS * linear.in_features).sin().view(ROWS, -1)
    expected, found = linear(inputs), packed(inputs)
    if not torch.allclose(found, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max())):
        raise RuntimeError("they give other numbers")
    return packed
