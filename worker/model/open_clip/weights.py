"""The weights of a checkpoint of open_clip, checked and renamed to those of transformers."""

import math
import re
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors.torch import load_file
from torch.nn.functional import interpolate

from worker.model.load_errors import ModelLoadError
from worker.model.open_clip import names
from worker.model.open_clip.config import CONFIG, Description

Tensors: TypeAlias = dict[str, torch.Tensor]

BIAS = "logit_bias"
SHOWN = 3
_BLOCK_OF_TIMM = re.compile(r"visual\.trunk\.blocks\.(\d+)\..+")


def read_weights(path: Path) -> Tensors:
    """The weights of a file by the names of open_clip. A pickle may hold nothing but tensors."""
    if path.suffix == ".safetensors":
        content = load_file(path)
    else:
        content = torch.load(path, map_location="cpu", weights_only=True)
        content = content.get("state_dict", content)
    return {new: content[old] for old, new in names.canonical(content).items()}


def check_names(weights: Tensors, description: Description) -> None:
    """Raise ModelLoadError if weights are missing, or if the model has others."""
    config = description.model
    layers = len({match[1] for match in map(_BLOCK_OF_TIMM.fullmatch, weights) if match})
    if not description.timm and isinstance(config.vision_cfg.layers, int):
        layers = config.vision_cfg.layers
    wanted = names.expected(
        description.kind, (layers, config.text_cfg.layers), _projection(description)
    )
    found = weights.keys() - {BIAS}
    if missing := sorted(wanted - found):
        raise ModelLoadError(f"it lacks {len(missing)} of the weights, such as {_some(missing)}")
    if unknown := sorted(found - wanted):
        raise ModelLoadError(
            f"it has {len(unknown)} weights that its {CONFIG} does not account for,"
            f" such as {_some(unknown)}"
        )


def check_sizes(weights: Tensors, description: Description) -> None:
    """Raise ModelLoadError if the weights contradict what the configuration says."""
    model, text = description.model, description.model.text_cfg
    widths = weights["text.ln_final.weight"].shape
    hidden = weights["text.transformer.resblocks.0.mlp.c_fc.weight"].shape
    claims = {
        "text_cfg.width": (text.width, widths[0]),
        "text_cfg.vocab_size": (text.vocab_size, len(weights["text.token_embedding.weight"])),
        "text_cfg.mlp_ratio times the width": (int(text.width * text.mlp_ratio), hidden[0]),
    }
    if description.timm:
        width = weights["visual.trunk.norm.weight"].shape[0]
        claims["embed_dim"] = (model.embed_dim, width)
    else:
        width = weights["visual.ln_post.weight"].shape[0]
        claims |= _claims_of_clip(weights, description)
    if text.width % text.heads or width < description.head_width:
        raise ModelLoadError(f"its {CONFIG} has a number of heads that does not fit its widths")
    for what, (claimed, size) in claims.items():
        if claimed != size:
            raise ModelLoadError(f"its {CONFIG} has {claimed} as {what}, its weights have {size}")


def _claims_of_clip(weights: Tensors, description: Description) -> dict[str, tuple[int, int]]:
    model, vision = description.model, description.model.vision_cfg
    hidden = weights["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape
    patch = weights["visual.conv1.weight"].shape[-1]
    claimed = vision.patch_size if isinstance(vision.patch_size, int) else vision.patch_size[0]
    return {
        "vision_cfg.width": (vision.width, weights["visual.ln_post.weight"].shape[0]),
        "vision_cfg.patch_size": (claimed, patch),
        "vision_cfg.mlp_ratio times the width": (int(vision.width * vision.mlp_ratio), hidden[0]),
        "embed_dim": (model.embed_dim, weights["visual.proj"].shape[1]),
    }


def rename(weights: Tensors, description: Description) -> Tensors:
    """The weights as transformers names and shapes them; empties the given ones."""
    _fit_positions(weights, description)
    made = _projections(weights, description)
    # Of any shape in the file.
    made["logit_scale"] = weights.pop("logit_scale").reshape([1] if description.timm else [])
    made[BIAS] = weights.pop(BIAS, torch.zeros(1)).reshape(1)
    if description.timm:
        for kind in names.NORM:
            pool = [weights.pop(f"{name}.{kind}") for name in names.POOL]
            made[f"{names.POOL_INPUT}_{kind}"] = torch.cat(pool)
    for name in list(weights):
        tensor, targets = weights.pop(name), names.renamed(name)
        parts = tensor.chunk(len(targets)) if len(targets) > 1 else (tensor,)
        made |= zip(targets, parts, strict=True)
    return made


def _projection(description: Description) -> tuple[str, ...]:
    text = description.model.text_cfg
    if text.proj_type == "none":
        return ()
    if text.proj_bias:
        return ("text.text_projection.weight", "text.text_projection.bias")
    return ("text.text_projection",)


def _projections(weights: Tensors, description: Description) -> Tensors:
    """The projections, taken out of the weights: open_clip multiplies from the other side."""
    weight, bias = _text_projection(weights, description)
    if description.timm:
        return {"text_model.head.weight": weight, "text_model.head.bias": bias}
    made = {"text_projection.weight": weight}
    made["visual_projection.weight"] = weights.pop("visual.proj").T.contiguous()
    return made | ({"text_projection.bias": bias} if bias.any() else {})


def _text_projection(
    weights: Tensors, description: Description
) -> tuple[torch.Tensor, torch.Tensor]:
    wanted = _projection(description)
    no_bias = torch.zeros(description.model.embed_dim)
    if not wanted:
        return torch.eye(description.model.embed_dim), no_bias
    tensors = [weights.pop(name) for name in wanted]
    return (tensors[0], tensors[1]) if len(wanted) > 1 else (tensors[0].T.contiguous(), no_bias)


def _fit_positions(weights: Tensors, description: Description) -> None:
    """Resize embeddings of positions to those of the configuration, as open_clip does.

    It does not resize those of timm's towers.
    """
    text = weights["text.positional_embedding"]
    context = description.model.text_cfg.context_length
    if len(text) != context:
        rows = text.float().T[None]
        weights["text.positional_embedding"] = interpolate(rows, context, mode="linear")[0].T
    if description.timm:
        weights["visual.trunk.pos_embed"] = weights["visual.trunk.pos_embed"].flatten(0, -2)
        return
    images = weights["visual.positional_embedding"]
    side = description.image_size // weights["visual.conv1.weight"].shape[-1]
    if len(images) != side * side + 1:
        old = math.isqrt(len(images) - 1)
        grid = images[1:].float().reshape(1, old, old, -1).permute(0, 3, 1, 2)
        fitted = interpolate(grid, (side, side), mode="bicubic", antialias=True)
        rows = fitted.permute(0, 2, 3, 1).reshape(side * side, -1)
        weights["visual.positional_embedding"] = torch.cat([images[:1].float(), rows])


def _some(listed: list[str]) -> str:
    return ", ".join(listed[:SHOWN])
