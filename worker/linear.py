"""Linear layers through oneDNN, on processors where that is faster than what torch takes by itself.

For float32 torch calls MKL, which runs its AVX2 code on processors of other makers, where oneDNN's
AVX-512 code does the same in half the time. The weights are laid out for it once.
"""

from collections.abc import Iterator

import structlog
import torch
from torch import nn

from worker.timing import quickest_s

log = structlog.get_logger()

WORTH_IT = 1.1
ROWS = 256  # tokens of a few pictures
TOLERANCE = 1e-4  # of a layer's largest output: both sum in float32, each in its own order


class PackedLinear(nn.Module):
    """A linear layer in inference; `weight` tells what was packed, and has no values any more."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.weight = weight.to("meta")
        self.bias = None if linear.bias is None else linear.bias.detach()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)  # noqa: SLF001

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, features in) → (…, features out)."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001
            inputs, self._packed, self.bias, "none", [], ""
        )
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
        for parent, name, linear in places:
            setattr(parent, name, PackedLinear(linear))


def _places(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    for parent in model.modules():
        for name, child in parent.named_children():
            # Not of subclasses: whoever derives one may look into it.
            if type(child) is nn.Linear and _is_plain(child.weight):
                yield parent, name, child


def _is_plain(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def _gain(linear: nn.Linear) -> float:
    """How many times faster a layer is when it is packed; 0 when it is not the same."""
    packed = PackedLinear(linear)
    inputs = torch.rand(ROWS, linear.in_features) - 0.5
    expected, found = linear(inputs), packed(inputs)
    if not torch.allclose(found, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max())):
        return 0.0
    plain_s, packed_s = quickest_s(lambda: linear(inputs), lambda: packed(inputs))
    return plain_s / packed_s
