"""The tokenizer of a checkpoint of open_clip."""

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, CLIPTokenizer

from worker.model.families import Padding
from worker.model.open_clip.config import Description


def load_tokenizer(folder: Path, description: Description) -> Any:  # noqa: ANN401
    """A tokenizer that truncates and pads as open_clip does."""
    described = folder / "tokenizer_config.json"
    config = json.loads(described.read_bytes()) if described.is_file() else {}
    # Without that, transformers would look for the class in a config.json.
    kind = AutoTokenizer if config.get("tokenizer_class") else CLIPTokenizer
    tokenizer = kind.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    tokenizer.model_max_length = description.model.text_cfg.context_length
    tokenizer.padding_side = "right"
    # No mask: the text towers of open_clip see the padding.
    tokenizer.model_input_names = ["input_ids"]
    return tokenizer


def padding_of(tokenizer: Any, description: Description) -> Padding:  # noqa: ANN401
    """Whether shorter padding gives the same embeddings.

    It does if each token sees only those before it, and if the token whose embedding is taken, that
    of the highest number, is never one of the padding.
    """
    if description.timm:
        return "max_length"
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    is_hidden = pad is None or (end is not None and pad <= end)
    return "longest" if description.kind == "metaclip_2" or is_hidden else "max_length"
