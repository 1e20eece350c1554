"""The supported families of models, and how they differ.

The family is determined by a checkpoint's configuration, never by its name.
"""

from dataclasses import dataclass
from typing import Any, Literal

Padding = Literal["longest", "max_length"]
Activation = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of a family are used.

    `padding` is how texts in a batch are padded: a model that was trained on texts of a fixed
    length without a mask gives different embeddings for shorter padding.
    """

    title: str
    padding: Padding = "longest"
    activation: Activation = "softmax"


FAMILIES = {
    "align": Family("ALIGN"),
    "altclip": Family("AltCLIP"),
    "blip": Family("BLIP"),
    "chinese_clip": Family("Chinese-CLIP"),
    "clip": Family("CLIP"),
    "clipseg": Family("CLIPSeg"),
    "metaclip_2": Family("MetaCLIP 2"),
    "siglip": Family("SigLIP", padding="max_length", activation="sigmoid"),
    "siglip2": Family("SigLIP 2", padding="max_length", activation="sigmoid"),
    "tipsv2": Family("TIPSv2"),
    "vision-text-dual-encoder": Family("VisionTextDualEncoder"),
}
"""By the `model_type` of the configuration."""

NO_LIMIT = 1_000_000
"""A tokenizer without a maximum length reports a very large number."""
DEFAULT_CONTEXT = 512


def supported() -> str:
    return ", ".join(family.title for family in FAMILIES.values())


def context_length(tokenizer: Any, text_config: Any, reserved: int) -> int:  # noqa: ANN401
    """The maximum length of a text in tokens, including special ones.

    `reserved` is the number of positions that the text model reserves, as RoBERTa does.
    """
    limits = [
        int(tokenizer.model_max_length),
        int(getattr(text_config, "max_position_embeddings", NO_LIMIT)) - reserved,
    ]
    shortest = min(limits)
    return shortest if shortest < NO_LIMIT - reserved else DEFAULT_CONTEXT
