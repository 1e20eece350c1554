"""The image encoder of CLIP-like models, without what transformers wraps around each layer.

Hooks, checks and look-ups by name take as long as the layers of a small model. And the last layer
computes only the class token, which is the embedding of an image (Radford et al. 2021, section 2.4,
after Dosovitskiy et al. 2021). The patches' keys and values are still needed there.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import structlog
import torch
from torch import nn
from torch.nn.functional import linear, scaled_dot_product_attention

from worker.model.agreement import TOLERANCE, relative_error
from worker.model.cpu.quantized import is_quantized

log = structlog.get_logger()

FAMILIES = {"altclip", "chinese_clip", "clip", "clipseg", "metaclip_2"}
"""By the `model_type` of the configuration."""
TOLERANCE_OF_INT8 = 1e-1
"""The last layer has fewer inputs, so their scale is another one."""

Step: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


class VisionTower:
    """Pixels of shape (n, 3, height, width) → features of shape (n, dimension), as the model's.

    Uses the weights that the model has when it is made.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        """Raises AttributeError: the model is built differently."""
        vision = model.vision_model
        self._embed = vision.embeddings
        self._layers = [Layer(layer) for layer in vision.encoder.layers]
        self._normal_before = _norm(vision.pre_layrnorm)
        self._normal_after = _norm(vision.post_layernorm)
        self._project = _linear(model.visual_projection)

    def __call__(self, pixel_values: torch.Tensor) -> torch.Tensor:
        hidden = self._normal_before(self._embed(pixel_values))
        *before, last = self._layers
        for layer in before:
            hidden = layer(hidden)
        first = last.first_token(hidden)
        return self._project(self._normal_after(first[:, 0]))


class Layer:
    """A layer of a transformer that norms before it attends: (n, tokens, width) → the same."""

    def __init__(self, layer: Any) -> None:  # noqa: ANN401
        attention, mlp = layer.self_attn, layer.mlp
        self._heads, self._scale = attention.num_heads, attention.scale
        self._normal_before, self._normal_after = _norm(layer.layer_norm1), _norm(layer.layer_norm2)
        self._query, self._key = _linear(attention.q_proj), _linear(attention.k_proj)
        self._value, self._out = _linear(attention.v_proj), _linear(attention.out_proj)
        self._widen, self._narrow = _linear(mlp.fc1), _linear(mlp.fc2)
        self._activate = mlp.activation_fn.forward

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        normal = self._normal_before(hidden)
        return self._output(hidden, normal, normal)

    def first_token(self, hidden: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) → (n, 1, width)."""
        normal = self._normal_before(hidden)
        return self._output(hidden[:, :1], normal[:, :1], normal)

    def _output(
        self, wanted: torch.Tensor, asking: torch.Tensor, asked: torch.Tensor
    ) -> torch.Tensor:
        attended = scaled_dot_product_attention(
            self._by_head(self._query(asking)),
            self._by_head(self._key(asked)),
            self._by_head(self._value(asked)),
            scale=self._scale,
        )
        wanted = wanted + self._out(attended.transpose(1, 2).flatten(2))
        return wanted + self._narrow(self._activate(self._widen(self._normal_after(wanted))))

    def _by_head(self, tokens: torch.Tensor) -> torch.Tensor:
        images, count, width = tokens.shape
        return tokens.view(images, count, self._heads, width // self._heads).transpose(1, 2)


@torch.inference_mode()
def make_vision_tower(model: Any) -> VisionTower | None:  # noqa: ANN401
    """None if the family has none; None with a warning if its numbers are not the model's."""
    if model.config.model_type not in FAMILIES:
        return None
    try:
        tower = VisionTower(model)
        size = model.config.vision_config.image_size
        noise = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)) - 0.5
        pixels = noise.to(model.device, model.dtype)
        expected = model.get_image_features(pixel_values=pixels).pooler_output
        error = relative_error(tower(pixels), expected)
    except (AttributeError, TypeError, RuntimeError, ValueError) as failure:
        log.warning("vision_tower_not_used", error=str(failure))
        return None
    tolerance = TOLERANCE_OF_INT8 if is_quantized(model) else TOLERANCE[model.dtype]
    if not error <= tolerance:  # NaN must fail too
        log.warning("vision_tower_not_used", error=f"its numbers are {error:.1e} off")
        return None
    return tower


def _linear(layer: Any) -> Step:  # noqa: ANN401
    if type(layer) is nn.Linear:
        return partial(linear, weight=layer.weight, bias=layer.bias)
    forward: Step = layer.forward
    return forward


def _norm(layer: nn.LayerNorm) -> Step:
    return partial(
        torch.layer_norm,
        normalized_shape=list(layer.normalized_shape),
        weight=layer.weight,
        bias=layer.bias,
        eps=layer.eps,
    )
