"""The formats of checkpoints: which one a folder has, and which of its files belong to it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from worker.model.families import FAMILIES, supported
from worker.model.load_errors import ModelLoadError
from worker.model.open_clip.config import CONFIG as OPEN_CLIP_CONFIG
from worker.model.open_clip.config import read_description

FormatName = Literal["transformers", "open_clip"]

DESCRIPTIONS = ("*.json", "*.txt", "*.model")
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
BLIP_2 = "Blip2ForImageTextRetrieval"
OTHERS = {
    "videoprism": "it is a videoprism model, which compares texts with videos, not with images",
}
"""Unsupported models that people may expect, and the reasons."""
CLIP_TOKENIZER = "openai/clip-vit-base-patch32"
"""The repository of open_clip's default vocabulary."""


@dataclass(frozen=True, slots=True)
class Format:
    """The files with weights, in groups of patterns of which the first that matches counts.

    `tokenizer` is the name on the hub of the tokenizer of a folder that has none itself.
    """

    name: FormatName
    weights: tuple[tuple[str, ...], ...]
    pickled: tuple[tuple[str, ...], ...]
    tokenizer: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The patterns of all files that are read to find and load the model."""
        groups = (DESCRIPTIONS, *self.weights, *self.pickled)
        return tuple(pattern for group in groups for pattern in group)


TRANSFORMERS = Format(
    "transformers",
    (("model.safetensors", "model-*.safetensors"),),
    (("pytorch_model.bin", "pytorch_model-*.bin"),),
)


def formats_of(folder: Path) -> Sequence[Format]:
    """The formats in which a folder may have weights, the preferred one first.

    Raises:
        ModelLoadError: it has not the descriptions of a supported model.
    """
    if not (folder / OPEN_CLIP_CONFIG).is_file():
        return (_transformers(folder),)
    if not _has_usable_config(folder):
        return (_open_clip(folder),)
    formats, refusals = [], []
    for read in (_transformers, _open_clip):
        try:
            formats.append(read(folder))
        except ModelLoadError as refusal:
            refusals.append(refusal)
    if not formats:
        raise refusals[0]
    return formats


def has_any(folder: Path, patterns: Iterable[str]) -> bool:
    return any(path for pattern in patterns for path in folder.glob(pattern))


def _has_usable_config(folder: Path) -> bool:
    """Whether the `config.json` beside that of open_clip describes a model of transformers.

    Some publishers add a stub that names their own code, or nothing but the model of open_clip.
    """
    if not (folder / "config.json").is_file():
        return False
    try:
        config = _config(folder)
    except ModelLoadError:
        return False
    is_stub = "auto_map" in config or "open_clip_model_name" in config
    return not is_stub and bool(config.get("vision_config"))


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"its config.json is not valid JSON ({error})") from error
    return config if isinstance(config, dict) else {}


def _transformers(folder: Path) -> Format:
    if not (folder / "config.json").is_file():
        raise ModelLoadError(
            f"it has neither config.json (format of transformers) nor {OPEN_CLIP_CONFIG}"
        )
    config = _config(folder)
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise ModelLoadError("its config.json has no model_type")
    if kind not in FAMILIES:
        if kind in OTHERS:
            raise ModelLoadError(OTHERS[kind])
        raise ModelLoadError(f"it is a {kind} model; supported are {supported()}")
    classes = config.get("architectures")
    if kind == "blip-2" and classes and BLIP_2 not in classes:
        raise ModelLoadError(f"it is a BLIP-2 model of another class than {BLIP_2}: {classes[0]}")
    # Without one, transformers may make a tokenizer with an empty vocabulary.
    if not has_any(folder, VOCABULARIES):
        raise ModelLoadError(f"it has no tokenizer: none of {', '.join(VOCABULARIES)}")
    return TRANSFORMERS


def _open_clip(folder: Path) -> Format:
    description = read_description(folder)
    return Format(
        "open_clip",
        (("open_clip_model.safetensors",), ("open_clip_pytorch_model.safetensors",)),
        (("open_clip_pytorch_model.bin",), ("open_clip_pytorch_model.pth",)),
        tokenizer=description.tokenizer or CLIP_TOKENIZER,
    )
