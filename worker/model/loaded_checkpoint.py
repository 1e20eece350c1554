"""A checkpoint in memory, whatever format it was read from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worker.model.families import Activation, Padding
from worker.model.formats import FormatName
from worker.model.load_errors import ModelLoadError

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint; the weights are float32 and in main memory.

    `image_processor` is one of transformers or a worker.images.preprocess.Preprocessor. `clean` is
    applied to texts before the tokenizer; `padding` is how those of a batch are padded. Texts are
    truncated to `context` tokens; 0: as the tokenizer and the text model say.
    """

    name: str
    revision: str
    config: Any
    tokenizer: Any
    image_processor: Any
    model: Any
    format: FormatName
    padding: Padding
    activation: Activation
    clean: Callable[[str], str] | None = None
    context: int = 0


def check_weights(found: dict[str, Any]) -> None:
    """Raise ModelLoadError if weights are missing: transformers initialises them at random."""
    misshapen = {name for name, *_ in found["mismatched_keys"]}
    for names, what in ((found["missing_keys"], "lacks"), (misshapen, "has in another shape")):
        if names:
            some = ", ".join(sorted(names)[:EXAMPLES])
            raise ModelLoadError(f"it {what} {len(names)} of the weights, such as {some}")
