"""The names of weights: those of open_clip, and what transformers calls them."""

import re
from collections.abc import Iterable

QUERY_KEY_VALUE = ("q_proj", "k_proj", "v_proj")
NORM = ("weight", "bias")

_VISION, _TEXT = "vision_model", "text_model"
_EMBEDDINGS = {
    "visual.conv1": f"{_VISION}.embeddings.patch_embedding",
    "visual.class_embedding": f"{_VISION}.embeddings.class_embedding",
    "visual.positional_embedding": f"{_VISION}.embeddings.position_embedding.weight",
    "visual.ln_pre": f"{_VISION}.pre_layrnorm",
    "visual.ln_post": f"{_VISION}.post_layernorm",
    "visual.proj": "visual_projection.weight",
    "visual.trunk.patch_embed.proj": f"{_VISION}.embeddings.patch_embedding",
    "visual.trunk.pos_embed": f"{_VISION}.embeddings.position_embedding.weight",
    "visual.trunk.norm": f"{_VISION}.post_layernorm",
    "visual.trunk.attn_pool.latent": f"{_VISION}.head.probe",
    "visual.trunk.attn_pool.proj": f"{_VISION}.head.attention.out_proj",
    "visual.trunk.attn_pool.norm": f"{_VISION}.head.layernorm",
    "visual.trunk.attn_pool.mlp": f"{_VISION}.head.mlp",
    "text.token_embedding": f"{_TEXT}.embeddings.token_embedding",
    "text.positional_embedding": f"{_TEXT}.embeddings.position_embedding.weight",
    "text.ln_final": f"{_TEXT}.final_layer_norm",
}
_BLOCKS = {
    "visual.transformer.resblocks": f"{_VISION}.encoder.layers",
    "visual.trunk.blocks": f"{_VISION}.encoder.layers",
    "text.transformer.resblocks": f"{_TEXT}.encoder.layers",
}
_IN_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "attn.proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_JOINED = re.compile(r"attn\.(?:in_proj_|qkv\.)(weight|bias)")
"""Queries, keys and values in one tensor."""
_BLOCK = re.compile(rf"({'|'.join(map(re.escape, _BLOCKS))})\.(\d+)\.(.+)")
_OF_TEXT = ("text_projection", "positional_embedding", "token_embedding", "transformer", "ln_final")
BY_THE_WAY = ("attn_mask", "input_resolution", "context_length", "vocab_size", "position_ids")
"""Not weights, but some files have them."""

POOL = ("visual.trunk.attn_pool.q", "visual.trunk.attn_pool.kv")
"""The queries of SigLIP's pooling, and its keys and values: in one tensor of transformers."""
POOL_INPUT = f"{_VISION}.head.attention.in_proj"


def canonical(names: Iterable[str]) -> dict[str, str]:
    """The names of a file → those of open_clip's newer models: without `module.`, with `text.`."""
    names = list(names)
    wrapped = len("module.") if names and names[0].startswith("module.") else 0
    plain = {name: name[wrapped:] for name in names}
    return {
        name: f"text.{inner}" if inner.startswith(_OF_TEXT) else inner
        for name, inner in plain.items()
        if inner.rpartition(".")[2] not in BY_THE_WAY
    }


def renamed(name: str) -> tuple[str, ...]:
    """What transformers calls a weight; three names if it is split into so many equal parts.

    Raises:
        KeyError: it has no such weight by itself.
    """
    if match := _BLOCK.fullmatch(name):
        blocks, number, inner = match.groups()
        layer = f"{_BLOCKS[blocks]}.{number}"
        if joined := _JOINED.fullmatch(inner):
            return tuple(f"{layer}.self_attn.{each}.{joined[1]}" for each in QUERY_KEY_VALUE)
        module, _, kind = inner.rpartition(".")
        return (f"{layer}.{_IN_BLOCK[module]}.{kind}",)
    if name in _EMBEDDINGS:
        return (_EMBEDDINGS[name],)
    module, _, kind = name.rpartition(".")
    if module.startswith("visual.trunk.attn_pool.mlp."):
        return (f"{_EMBEDDINGS['visual.trunk.attn_pool.mlp']}.{module.rpartition('.')[2]}.{kind}",)
    return (f"{_EMBEDDINGS[module]}.{kind}",)


def expected(kind: str, layers: tuple[int, int], projection: tuple[str, ...]) -> set[str]:
    """The names of all weights of a model with so many layers of vision and of text.

    `projection` are the weights that project texts.
    """
    of_vision, of_text = layers
    blocks = "visual.trunk.blocks" if kind == "siglip" else "visual.transformer.resblocks"
    names = {*projection, "logit_scale", "text.positional_embedding", "text.token_embedding.weight"}
    names |= {f"text.ln_final.{each}" for each in NORM}
    names |= _of_blocks("text.transformer.resblocks", of_text)
    names |= _of_blocks(blocks, of_vision)
    return names | (_of_siglip() if kind == "siglip" else _of_clip())


def _of_clip() -> set[str]:
    names = {"visual.conv1.weight", "visual.class_embedding"}
    names |= {"visual.positional_embedding", "visual.proj"}
    return names | {f"visual.{norm}.{each}" for norm in ("ln_pre", "ln_post") for each in NORM}


def _of_siglip() -> set[str]:
    pool = ("q", "kv", "proj", "norm", "mlp.fc1", "mlp.fc2")
    modules = ("patch_embed.proj", "norm", *(f"attn_pool.{each}" for each in pool))
    names = {f"visual.trunk.{module}.{each}" for module in modules for each in NORM}
    return names | {"visual.trunk.pos_embed", "visual.trunk.attn_pool.latent"}


def _of_blocks(blocks: str, count: int) -> set[str]:
    if "trunk" in blocks:
        joined = ("attn.qkv.weight", "attn.qkv.bias")
        modules = ("norm1", "norm2", "attn.proj", "mlp.fc1", "mlp.fc2")
    else:
        joined = ("attn.in_proj_weight", "attn.in_proj_bias")
        modules = ("ln_1", "ln_2", "attn.out_proj", "mlp.c_fc", "mlp.c_proj")
    inner = (*joined, *(f"{module}.{each}" for module in modules for each in NORM))
    return {f"{blocks}.{number}.{each}" for number in range(count) for each in inner}
