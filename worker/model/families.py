"""The families of models that rank texts against images, and where they differ.

Decided from a checkpoint's configuration, never from its name.
"""

from dataclasses import dataclass
from typing import Any, Literal

Padding = Literal["longest", "max_length"]
Activation = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of a family were trained to be used.

    `padding` is how texts of unequal length share a batch; a model trained on texts of one fixed
    length, without a mask, gives other numbers for shorter ones.
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
"""A tokenizer that knows no longest text says so with a very large number."""
DEFAULT_CONTEXT = 512


def supported() -> str:
    return ", ".join(family.title for family in FAMILIES.values())


def context_length(tokenizer: Any, text_config: Any, reserved: int) -> int:  # noqa: ANN401
    """The longest text in tokens, special ones included.

    `reserved` is how many positions the text model keeps for itself, as RoBERTa and its kin do.
    """
    limits = [
        int(tokenizer.model_max_length),
        int(getattr(text_config, "max_position_embeddings", NO_LIMIT)) - reserved,
    ]
    shortest = min(limits)
    return shortest if shortest < NO_LIMIT - reserved else DEFAULT_CONTEXT
