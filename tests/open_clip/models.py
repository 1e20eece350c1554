"""Tiny models as open_clip describes them, and what they are shown.

What open_clip itself makes of that is in expected.json: `python -m tests.open_clip.record`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

Config = dict[str, Any]

PICTURES = sorted((Path(__file__).parent / "pictures").iterdir())
TEXTS = [
    "a photo of a cat",
    "T-Shirt",
    "",
    "two dogs, one cat & a bird_house!",
    "ein sehr langer Satz " * 20,
    "Ünïcödé 猫 🐈",
    "A CAT",
    "a  man\u2019s \u201cshirt\u201d &amp;amp; tie\n",
    "\uff21 \ufb01ne cat",
]
VOCABULARY = 4301  # of the demo model
SAFE = "open_clip_model.safetensors"


@dataclass(frozen=True, slots=True)
class Model:
    """`size` is that of the vision tower where the configuration has only timm's name for it.

    The weights have as many positions as `grid` and `context` say, if they differ from what the
    configuration says.
    """

    model_cfg: Config
    preprocess_cfg: Config
    file: str = SAFE
    dtype: torch.dtype = torch.float16
    size: Config = field(default_factory=dict)
    stub: Config | None = None
    grid: int = 0
    context: int = 0
    is_wrapped: bool = False


def clip(vision: Config | None = None, text: Config | None = None, **more: Any) -> Config:
    return {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 64,
            "layers": 3,
            "width": 64,
            "head_width": 32,
            "patch_size": 16,
            **(vision or {}),
        },
        "text_cfg": {
            "context_length": 32,
            "vocab_size": VOCABULARY,
            "width": 48,
            "heads": 4,
            "layers": 2,
            "hf_tokenizer_name": "org/name",
            **(text or {}),
        },
        **more,
    }


def siglip(
    timm: str,
    width: int,
    text: Config | None = None,
    vision: Config | None = None,
    bias: float | None = -4.0,
) -> Config:
    return {
        "embed_dim": width,
        "init_logit_bias": bias,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 64,
            "timm_model_name": timm,
            "timm_model_pretrained": False,
            "timm_pool": "map",
            "timm_proj": "none",
            **(vision or {}),
        },
        "text_cfg": {
            "context_length": 16,
            "vocab_size": VOCABULARY,
            "hf_tokenizer_name": "org/name",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": width,
            "heads": 2,
            "layers": 2,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
            **(text or {}),
        },
    }


OF_CLIP: Config = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
OF_SIGLIP: Config = {
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
TANH = {"act_kwargs": {"approximate": "tanh"}}
STUB = {
    "model_type": "siglip",
    "auto_map": {"AutoModel": "org/code--modeling.Something"},
    "open_clip_model_name": "hf-hub:org/name",
}
MODELS: dict[str, Model] = {
    "clip": Model(clip(), OF_CLIP),
    "clip of old, with what is default left out": Model(
        clip({"head_width": 64}), {}, "open_clip_pytorch_model.bin", torch.float32
    ),
    "clip, QuickGELU, bilinear, a training checkpoint": Model(
        clip(quick_gelu=True),
        {**OF_CLIP, "interpolation": "bilinear"},
        "open_clip_pytorch_model.bin",
        is_wrapped=True,
    ),
    "clip, custom text, squashed": Model(
        clip({"head_width": 16, "mlp_ratio": 4.3637}, {"heads": 6}, custom_text=True),
        {**OF_CLIP, "resize_mode": "squash"},
        "open_clip_pytorch_model.safetensors",
    ),
    "clip, longest side": Model(
        clip({"head_width": 16, "patch_size": 8}),
        {**OF_CLIP, "resize_mode": "longest"},
        dtype=torch.bfloat16,
    ),
    "clip, longest side, filled, odd sizes": Model(
        clip({"image_size": 57, "patch_size": 19}),
        {**OF_CLIP, "resize_mode": "longest", "fill_color": 127, "interpolation": "random"},
    ),
    "clip, odd sizes": Model(clip({"image_size": 55, "patch_size": 13}), OF_CLIP),
    "clip, wide heads, tanh, biases, sigmoid": Model(
        clip(
            {"width": 88, "head_width": 44, "mlp_ratio": 4.9231, **TANH},
            {"proj_bias": True, **TANH},
            init_logit_bias=-3.0,
            nonscalar_logit_scale=True,
        ),
        {**OF_CLIP, "mean": 0.4, "std": 0.2},
    ),
    "clip, no text projection, another epsilon": Model(
        clip(
            {"norm_kwargs": {"eps": 1e-2}},
            {
                "width": 32,
                "proj_type": "none",
                "norm_kwargs": {"eps": 1e-3},
                "tokenizer_kwargs": {"clean": "lower"},
            },
        ),
        OF_CLIP,
    ),
    "clip, other positions": Model(
        clip({"image_size": 96}, {"context_length": 24}),
        OF_CLIP,
        dtype=torch.float32,  # open_clip itself cannot resize others
        grid=4,
        context=32,
    ),
    "metaclip 2": Model(
        clip(
            text={"pool_type": "eos", "eos_id": 4300, "tokenizer_kwargs": {"clean": "canonicalize"}}
        ),
        OF_CLIP,
    ),
    "siglip": Model(
        siglip("vit_base_patch16_siglip_224", 128), OF_SIGLIP, size={"width": 128, "heads": 2}
    ),
    "siglip, no bias, bilinear": Model(
        siglip("vit_large_patch16_siglip_256", 128, {"proj_bias": False}, bias=None),
        {**OF_SIGLIP, "interpolation": "bilinear"},
        dtype=torch.float32,
        size={"width": 128, "heads": 2},
    ),
    "siglip 2, stub": Model(
        siglip("vit_so400m_patch16_siglip_256.v2_webli", 144, TANH),
        OF_SIGLIP,
        size={"width": 144, "heads": 2},
        stub=STUB,
    ),
    "siglip 2, giant": Model(
        siglip("vit_giantopt_patch16_siglip_256", 192, {**TANH, "heads": 4}),
        OF_SIGLIP,
        size={"width": 192, "heads": 2},
    ),
    "siglip, cropped": Model(
        siglip("vit_so400m_patch14_siglip_384", 144, vision={"image_size": 75}),
        {**OF_SIGLIP, "resize_mode": "shortest"},
        size={"width": 144, "heads": 2},
    ),
}
