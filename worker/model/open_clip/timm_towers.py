"""The vision towers of timm that SigLIP has, and what their names say beyond the weights."""

from dataclasses import dataclass
from typing import Any

from worker.model.load_errors import ModelLoadError

GELU = "gelu"
GELU_TANH = "gelu_pytorch_tanh"

RESOLUTIONS = {
    ("base_patch32", GELU_TANH): (256,),
    ("base_patch16", GELU): (224, 256, 384, 512),
    ("large_patch16", GELU): (256, 384),
    ("large_patch16", GELU_TANH): (512,),
    ("so400m_patch14", GELU): (224, 378, 384),
    ("so400m_patch16", GELU_TANH): (256, 384, 512),
    ("giantopt_patch16", GELU_TANH): (256, 384),
}
"""By the tower and the activation with which timm makes it."""
ACTIVATIONS = {
    f"vit_{tower}_siglip_{resolution}": activation
    for (tower, activation), resolutions in RESOLUTIONS.items()
    for resolution in resolutions
}
HEAD_WIDTHS = {"base": 64, "large": 64, "so400m": 72, "giantopt": 96}

OF_TIMM = {"gelu": GELU, "gelu_tanh": GELU_TANH, "quick_gelu": "quick_gelu"}
"""The activations of timm, as transformers names them."""
IN_WEIGHTS = {"img_size", "patch_size", "embed_dim", "depth", "mlp_ratio"}
ONLY_IN_TRAINING = {"drop_rate", "drop_path_rate", "patch_drop_rate", "pos_drop_rate"}


@dataclass(frozen=True, slots=True)
class TimmTower:
    """What the weights do not say: the activation, and the width of a head or the heads."""

    activation: str
    head_width: int
    heads: int | None = None

    def heads_at(self, width: int) -> int:
        return self.heads or width // self.head_width


def find_tower(name: str, changes: dict[str, Any]) -> TimmTower | None:
    """The tower of that name with `timm_model_kwargs`; None if it is not SigLIP's.

    Raises:
        ModelLoadError: a change is not supported.
    """
    base = name.partition(".")[0]  # then comes the name of its weights
    activation = ACTIVATIONS.get(base)
    if activation is None:
        return None
    left = {key: value for key, value in changes.items() if key not in IN_WEIGHTS}
    heads = left.pop("num_heads", None)
    changed = left.pop("act_layer", None)
    if unknown := sorted(left.keys() - ONLY_IN_TRAINING):
        raise ModelLoadError(f"its timm_model_kwargs have {', '.join(unknown)}: not supported")
    if changed is not None:
        activation = OF_TIMM.get(changed)
        if activation is None:
            raise ModelLoadError(f"its timm_model_kwargs.act_layer {changed} is not supported")
    return TimmTower(activation, HEAD_WIDTHS[base.split("_")[1]], heads)
