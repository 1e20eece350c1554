"""The image encoder of CLIP and its kin, as what it computes and nothing else.

Around each layer transformers has hooks, checks and look-ups by name, which take a model of a few
layers as long as the layers. And what the last layer makes of the patches is thrown away: CLIP and
its kin embed an image by its class token (Radford et al. 2021, section 2.4, after Dosovitskiy et
al. 2021). Patches are still attended to, so their keys and values are needed there, and no more.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import structlog
import torch
from torch import nn
from torch.nn.functional import linear, scaled_dot_product_attention

log = structlog.get_logger()

TOLERANCE = 1e-5  # of the largest number: what summing float32 in another order makes of it

Step: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


class VisionTower:
    """Pixels of shape (n, 3, height, width) → features of shape (n, dimension), as its model's.

    It has the weights that the modules of the model have when it is made.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        """Raises AttributeError: the model consists of other things."""
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
def has_tower(model: Any, inputs: Mapping[str, torch.Tensor]) -> bool:  # noqa: ANN401
    """Whether a VisionTower gives what the model itself does for some images."""
    try:
        found = VisionTower(model)(**inputs)
    except (AttributeError, TypeError, RuntimeError, ValueError, IndexError):
        is_same = False  # it consists of other things, or takes more than pixels
    else:
        expected = model.get_image_features(**inputs).pooler_output
        most = TOLERANCE * float(expected.abs().max())
        is_same = torch.allclose(found, expected, rtol=0, atol=most)
    log.info("vision_tower", known=is_same)
    return is_same


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
