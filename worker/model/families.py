"""The supported families of models, and how they differ.

The family is determined by a checkpoint's configuration, never by its name.
"""

from dataclasses import dataclass
from typing import Any, Literal

import structlog

from worker.model.load_errors import ModelLoadError

log = structlog.get_logger()

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
    "blip-2": Family("BLIP-2"),
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


def context_length(
    tokenizer: Any,  # noqa: ANN401
    text_config: Any,  # noqa: ANN401
    reserved: int,
    wanted: int = 0,
) -> int:
    """The maximum length of a text in tokens, including special ones.

    It is the one `wanted`, or else the smaller of what the tokenizer and the text model allow.
    `reserved` is the number of positions that the text model reserves, as RoBERTa does.

    Raises:
        ModelLoadError: the wanted one is impossible.
    """
    positions = int(getattr(text_config, "max_position_embeddings", NO_LIMIT)) - reserved
    if not wanted:
        shortest = min(int(tokenizer.model_max_length), positions)
        if shortest < positions < NO_LIMIT - reserved:
            log.info("longer_context_possible", context_length=shortest, positions=positions)
        return shortest if shortest < NO_LIMIT - reserved else DEFAULT_CONTEXT
    if wanted > positions:
        raise ModelLoadError(
            f"its text model has {positions} positions, and CLIP_CONTEXT_LENGTH is {wanted}"
        )
    least = tokenizer.num_special_tokens_to_add() + 1
    if wanted < least:
        raise ModelLoadError(
            f"its texts take at least {least} tokens, and CLIP_CONTEXT_LENGTH is {wanted}"
        )
    return wanted
