"""A checkpoint in the format of open_clip → a model of transformers."""

from typing import Any

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    MetaClip2Config,
    MetaClip2Model,
    SiglipConfig,
    SiglipModel,
)

from worker.model.load_errors import load_errors
from worker.model.loaded_checkpoint import Checkpoint, check_weights
from worker.model.open_clip.config import CONFIG, Description, Tower, read_description
from worker.model.open_clip.image_processor import make_preprocessor
from worker.model.open_clip.texts import CLEANINGS
from worker.model.open_clip.tokenizer import load_tokenizer, padding_of
from worker.model.open_clip.weights import (
    BIAS,
    Tensors,
    check_names,
    check_sizes,
    read_weights,
    rename,
)
from worker.model.source import Fetched

CLASSES: dict[str, tuple[Any, Any]] = {
    "clip": (CLIPConfig, CLIPModel),
    "metaclip_2": (MetaClip2Config, MetaClip2Model),
    "siglip": (SiglipConfig, SiglipModel),
}
HIGHEST = 2
"""As `eos_token_id`: CLIPModel takes the embedding of the token with the highest number."""


def load_checkpoint(name: str, fetched: Fetched) -> Checkpoint:
    """Raises ModelLoadError: the checkpoint is broken or unsupported."""
    with load_errors(name, CONFIG):
        description = read_description(fetched.folder)
        image_processor = make_preprocessor(description.images, description.image_size)
    with load_errors(name, "tokenizer"):
        tokenizer = load_tokenizer(fetched.tokenizer, description)
    with load_errors(name, "weights"):
        weights = read_weights(fetched.weights)
        check_names(weights, description)
        check_sizes(weights, description)
        has_bias = BIAS in weights or description.model.init_logit_bias is not None
        model = _model(weights, description)
    return Checkpoint(
        name=name,
        revision=fetched.revision,
        config=model.config,
        tokenizer=tokenizer,
        image_processor=image_processor,
        model=model.eval(),
        format="open_clip",
        padding=padding_of(tokenizer, description),
        activation="sigmoid" if has_bias else "softmax",
        clean=CLEANINGS[description.clean],
    )


def _model(weights: Tensors, description: Description) -> Any:  # noqa: ANN401
    make_config, make_model = CLASSES[description.kind]
    vision, text = _vision(weights, description), _text(weights, description)
    config = make_config(vision_config=vision, text_config=text)
    config.projection_dim = description.model.embed_dim
    renamed = rename(weights, description)
    # What CLIPModel has no place for.
    text_bias = renamed.pop("text_projection.bias", None)
    bias = None if description.timm else renamed.pop(BIAS)
    model, found = make_model.from_pretrained(
        None,
        config=config,
        state_dict=renamed,
        dtype="float32",
        ignore_mismatched_sizes=True,  # reported by check_weights
        output_loading_info=True,
    )
    check_weights(found)
    if text_bias is not None:
        model.text_projection.bias = nn.Parameter(text_bias.float())
    if bias is not None:
        model.logit_bias = nn.Parameter(bias.float())
    return model


def _vision(weights: Tensors, description: Description) -> dict[str, Any]:
    if description.timm:
        blocks, patches = "visual.trunk.blocks.", weights["visual.trunk.patch_embed.proj.weight"]
        hidden = weights[f"{blocks}0.mlp.fc1.weight"]
    else:
        blocks, patches = "visual.transformer.resblocks.", weights["visual.conv1.weight"]
        hidden = weights[f"{blocks}0.mlp.c_fc.weight"]
    return {
        **_tower(hidden, blocks, weights, description.vision),
        "num_attention_heads": hidden.shape[1] // description.head_width,
        "image_size": description.image_size,
        "patch_size": patches.shape[-1],
        "projection_dim": description.model.embed_dim,
    }


def _text(weights: Tensors, description: Description) -> dict[str, Any]:
    text, blocks = description.model.text_cfg, "text.transformer.resblocks."
    size = "projection_size" if description.timm else "projection_dim"
    return {
        **_tower(weights[f"{blocks}0.mlp.c_fc.weight"], blocks, weights, description.text),
        "num_attention_heads": text.heads,
        "vocab_size": text.vocab_size,
        "max_position_embeddings": text.context_length,
        "eos_token_id": text.eos_id if description.kind == "metaclip_2" else HIGHEST,
        size: description.model.embed_dim,
    }


def _tower(hidden: torch.Tensor, blocks: str, weights: Tensors, tower: Tower) -> dict[str, Any]:
    inner = (name.removeprefix(blocks) for name in weights if name.startswith(blocks))
    layers = {name.partition(".")[0] for name in inner}
    return {
        "hidden_size": hidden.shape[1],
        "intermediate_size": hidden.shape[0],
        "num_hidden_layers": len(layers),
        "hidden_act": tower.activation,
        "layer_norm_eps": tower.eps,
    }
