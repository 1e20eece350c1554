"""Linear layers in int8, with torch's own kernels; everything else stays in float32.

Weights are scaled per output channel, once. Inputs are scaled at each call, all rows alike, so an
embedding depends a little on the rest of its batch.

Torch has deprecated tensors of type qint8, in which these kernels take weights, and has no other
public way to them. Nothing else uses these; the tests of this module fail once torch drops them.
"""

import warnings

import torch
from torch import nn

from worker.model.load_errors import ModelLoadError

LEVELS = 127
"""The largest int8, for the largest weight of an output channel."""
DEPRECATION = "torch.quantize_per_tensor, torch.quantize_per_channel and other quantized tensor"


class QuantizedLinear(nn.Module):
    """A linear layer in inference; `weight` has the shape of what it was made of, but no values."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight.detach().to("meta")
        self._run = _quantized(linear)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, features in) → (…, features out), in float32."""
        outputs: torch.Tensor = self._run(inputs)
        return outputs


@torch.inference_mode()
def quantize_linear_layers(model: nn.Module) -> None:
    """Replace the linear layers of a float32 model on a CPU.

    Raises:
        ModelLoadError: this build of torch, or this processor, has no such layers.
    """
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear  # not subclasses: they may use the weight themselves
    ]
    try:
        for parent, name, linear in places:
            setattr(parent, name, QuantizedLinear(linear))
    except (ImportError, AttributeError, RuntimeError) as error:
        raise ModelLoadError(f"torch {torch.__version__} has no int8 here ({error})") from error


def is_quantized(model: nn.Module) -> bool:
    return any(isinstance(module, QuantizedLinear) for module in model.modules())


def _quantized(linear: nn.Linear) -> nn.Module:
    from torch.ao.nn.quantized import dynamic  # noqa: PLC0415 - torch may drop it

    weight = linear.weight.detach()
    largest = weight.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    scales, zeros = largest.double() / LEVELS, torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=DEPRECATION, category=UserWarning)
        layer = dynamic.Linear(linear.in_features, linear.out_features, dtype=torch.qint8)  # type: ignore[no-untyped-call]
        in_int8 = torch.quantize_per_channel(weight, scales, zeros, axis=0, dtype=torch.qint8)
    layer.set_weight_bias(in_int8, linear.bias if linear.bias is None else linear.bias.detach())
    return layer
