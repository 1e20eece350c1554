"""The last layer of a vision model, worked out for the one token that is read of it.

CLIP and its kin embed a picture by its class token (Radford et al. 2021, section 2.4, after
Dosovitskiy et al. 2021): what the last layer makes of all patches is thrown away. Patches are still
attended to, so their keys and values are needed, and nothing else. The numbers stay, and a twelfth
of a model of twelve layers needs hardly be run.
"""

from collections.abc import Callable
from typing import Any

import structlog
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

log = structlog.get_logger()

TOLERANCE = 1e-5  # of the largest number: what summing float32 in another order makes of it


class FirstTokenLayer(nn.Module):
    """A layer that gives its first token alone: (n, tokens, width) → (n, 1, width)."""

    def __init__(self, layer: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.layer = layer

    def forward(self, hidden: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        layer, attention = self.layer, self.layer.self_attn
        first, normal = hidden[:, :1], layer.layer_norm1(hidden)

        def heads(tokens: torch.Tensor) -> torch.Tensor:
            return tokens.view(*tokens.shape[:2], attention.num_heads, -1).transpose(1, 2)

        attended = scaled_dot_product_attention(
            heads(attention.q_proj(normal[:, :1])),
            heads(attention.k_proj(normal)),
            heads(attention.v_proj(normal)),
            scale=attention.scale,
        )
        first = first + attention.out_proj(attended.transpose(1, 2).flatten(2))
        output: torch.Tensor = first + layer.mlp(layer.layer_norm2(first))
        return output


@torch.inference_mode()
def read_first_token_only(model: nn.Module, encode: Callable[[], torch.Tensor]) -> None:
    """Have the last layer of a vision model make what is read of it, if that is its first token.

    `encode` runs the model on pictures: where what it gives does not stay the same, as with models
    that pool all tokens, nothing changes.
    """
    layers = _layers(model)
    if layers is None:
        return
    whole, before = layers[-1], encode()
    layers[-1] = FirstTokenLayer(whole)
    is_same = _is_same(encode, before)
    if not is_same:
        layers[-1] = whole
    log.info("last_layer", first_token_only=is_same)


def _layers(model: Any) -> nn.ModuleList | None:  # noqa: ANN401
    """The layers of the vision model, if the last is one that FirstTokenLayer can run."""
    layers = getattr(getattr(getattr(model, "vision_model", None), "encoder", None), "layers", None)
    if not isinstance(layers, nn.ModuleList) or not layers:
        return None
    layer = layers[-1]
    parts = ("layer_norm1", "layer_norm2", "mlp", "self_attn")
    projections = ("q_proj", "k_proj", "v_proj", "out_proj", "num_heads", "scale")
    is_known = all(hasattr(layer, part) for part in parts) and all(
        hasattr(layer.self_attn, part) for part in projections
    )
    return layers if is_known else None


def _is_same(encode: Callable[[], torch.Tensor], before: torch.Tensor) -> bool:
    try:
        after = encode()
    except (RuntimeError, IndexError):  # there are not as many tokens as are asked for
        return False
    return torch.allclose(after, before, rtol=0, atol=TOLERANCE * float(before.abs().max()))
