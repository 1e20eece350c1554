"""Writes the tiny models as checkpoints, the same ones each time."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from tests.open_clip.models import VOCABULARY, Config, Model
from tests.processes import DEMO_MODEL

Arrays = dict[str, npt.NDArray[np.float32]]


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
