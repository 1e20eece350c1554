"""The vision towers of timm that SigLIP has, and what their names say beyond the weights."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class TimmTower:
    """What the weights do not say."""

    activation: str
    head_width: int


def find_tower(name: str) -> TimmTower | None:
    """The tower of that name; None if it is not SigLIP's."""
    base = name.partition(".")[0]  # then comes the name of its weights
    activation = ACTIVATIONS.get(base)
    return TimmTower(activation, HEAD_WIDTHS[base.split("_")[1]]) if activation else None
