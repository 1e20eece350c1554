"""Tiny checkpoints as open_clip writes them, the same ones each time.

Only what open_clip made of them is stored, in expected.json: `python -m tests.open_clip.record`.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from tests.processes import DEMO_MODEL

Arrays = dict[str, npt.NDArray[np.float32]]
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


def save_model(model: Model, folder: Path) -> Path:
    """Write a checkpoint as it is on the hub, with the tokenizer of the demo model."""
    folder.mkdir(parents=True)
    described = {"model_cfg": model.model_cfg, "preprocess_cfg": model.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEMO_MODEL / name, folder / name)
    if model.stub:
        (folder / "config.json").write_text(json.dumps(model.stub))
    weights = {
        name: torch.from_numpy(array).to(model.dtype) for name, array in arrays(model).items()
    }
    if model.file.endswith(".safetensors"):
        save_file(weights, folder / model.file)
    else:
        wrapped = {"state_dict": {f"module.{name}": each for name, each in weights.items()}}
        torch.save(wrapped if model.is_wrapped else weights, folder / model.file)
    return folder


def arrays(model: Model) -> Arrays:
    """The weights: from a generator whose numbers never change."""
    generator = np.random.RandomState(7)
    made = {}
    for name, shape, spread in _shapes(model):
        array = generator.standard_normal(shape) * spread
        if name.rpartition(".")[0].rpartition(".")[2] in ("norm", *NORMS) and "weight" in name:
            array += 1
        made[name] = array.astype(np.float32)
    one = (1,) if model.model_cfg.get("nonscalar_logit_scale") else ()
    made["logit_scale"] = np.full(one, 3.1, np.float32)
    if model.model_cfg.get("init_logit_bias") is not None:
        made["logit_bias"] = np.full(one, model.model_cfg["init_logit_bias"], np.float32)
    return made


Shape = tuple[str, tuple[int, ...], float]
NORMS = ("ln_1", "ln_2", "ln_pre", "ln_post", "ln_final", "norm1", "norm2")
SMALL = 0.1


def _shapes(model: Model) -> Iterator[Shape]:
    """Name, shape and standard deviation of each weight."""
    config = model.model_cfg
    if model.size:
        yield from _timm(config["vision_cfg"], model.size)
    else:
        yield from _vision(config, model.grid)
    prefix = "text." if config.get("custom_text") else ""
    yield from ((prefix + name, shape, spread) for name, shape, spread in _text(model))


def _vision(config: Config, grid: int) -> Iterator[Shape]:
    vision, width = config["vision_cfg"], config["vision_cfg"]["width"]
    patch = vision["patch_size"]
    positions = (grid or vision["image_size"] // patch) ** 2 + 1
    yield "visual.conv1.weight", (width, 3, patch, patch), 1.6 / patch
    yield "visual.class_embedding", (width,), 0.5
    yield "visual.positional_embedding", (positions, width), 0.5
    yield "visual.proj", (width, config["embed_dim"]), width**-0.5
    for norm in ("ln_pre", "ln_post"):
        yield from _pair(f"visual.{norm}", (width,), SMALL)
    hidden = int(width * vision.get("mlp_ratio", 4.0))
    yield from _blocks("visual.transformer.resblocks", vision["layers"], width, hidden)


def _text(model: Model) -> Iterator[Shape]:
    text, size = model.model_cfg["text_cfg"], model.model_cfg["embed_dim"]
    width = text["width"]
    yield "token_embedding.weight", (VOCABULARY, width), 0.7
    yield "positional_embedding", (model.context or text["context_length"], width), 0.5
    yield from _pair("ln_final", (width,), SMALL)
    yield from _blocks("transformer.resblocks", text["layers"], width, 4 * width)
    if text.get("proj_type") == "none":
        return
    if text.get("proj_bias"):
        yield from _pair("text_projection", (size, width), width**-0.5)
    else:
        yield "text_projection", (width, size), width**-0.5


def _blocks(name: str, count: int, width: int, hidden: int) -> Iterator[Shape]:
    for number in range(count):
        block = f"{name}.{number}"
        yield from _pair(f"{block}.ln_1", (width,), SMALL)
        yield f"{block}.attn.in_proj_weight", (3 * width, width), 1.6 * width**-0.5
        yield f"{block}.attn.in_proj_bias", (3 * width,), SMALL
        yield from _pair(f"{block}.attn.out_proj", (width, width), width**-0.5)
        yield from _pair(f"{block}.ln_2", (width,), SMALL)
        yield from _pair(f"{block}.mlp.c_fc", (hidden, width), 1.6 * width**-0.5)
        yield from _pair(f"{block}.mlp.c_proj", (width, hidden), hidden**-0.5)


def _timm(vision: Config, size: Config) -> Iterator[Shape]:
    width, trunk = size["width"], "visual.trunk"
    patch = int(vision["timm_model_name"].split("_patch")[1][:2])
    hidden = 4 * width
    yield from _pair(f"{trunk}.patch_embed.proj", (width, 3, patch, patch), 1.6 / patch)
    yield f"{trunk}.pos_embed", (1, (vision["image_size"] // patch) ** 2, width), 0.5
    for number in range(2):
        block = f"{trunk}.blocks.{number}"
        yield from _pair(f"{block}.norm1", (width,), SMALL)
        yield from _pair(f"{block}.attn.qkv", (3 * width, width), 1.6 * width**-0.5)
        yield from _pair(f"{block}.attn.proj", (width, width), width**-0.5)
        yield from _pair(f"{block}.norm2", (width,), SMALL)
        yield from _mlp(f"{block}.mlp", width, hidden)
    yield from _pair(f"{trunk}.norm", (width,), SMALL)
    pool = f"{trunk}.attn_pool"
    yield f"{pool}.latent", (1, 1, width), 1.0
    yield from _pair(f"{pool}.q", (width, width), 1.6 * width**-0.5)
    yield from _pair(f"{pool}.kv", (2 * width, width), 1.6 * width**-0.5)
    yield from _pair(f"{pool}.proj", (width, width), width**-0.5)
    yield from _pair(f"{pool}.norm", (width,), SMALL)
    yield from _mlp(f"{pool}.mlp", width, hidden)


def _mlp(name: str, width: int, hidden: int) -> Iterator[Shape]:
    yield from _pair(f"{name}.fc1", (hidden, width), 1.6 * width**-0.5)
    yield from _pair(f"{name}.fc2", (width, hidden), hidden**-0.5)


def _pair(name: str, shape: tuple[int, ...], spread: float) -> Iterator[Shape]:
    """The weight and the bias of a module."""
    yield f"{name}.weight", shape, spread
    yield f"{name}.bias", shape[:1], SMALL
