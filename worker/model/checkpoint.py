"""A checkpoint as transformers loads it: the only module that knows transformers."""

from dataclasses import dataclass
from typing import Any

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from worker.model.load_errors import ModelLoadError, load_errors
from worker.model.source import Source

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What transformers makes of a checkpoint; the weights are float32 and in main memory."""

    name: str
    revision: str
    config: Any
    tokenizer: Any
    image_processor: Any
    model: Any


def open_checkpoint(source: Source) -> Checkpoint:
    """Download if need be, and load.

    Raises:
        ModelLoadError: it is not there, broken, or of no family that is supported.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    folder, revision = source.fetch()
    name = source.name
    # Never the code that a checkpoint may bring along.
    own = {"trust_remote_code": False, "local_files_only": True}
    with load_errors(name, "config.json"):
        config = AutoConfig.from_pretrained(folder, **own)
    with load_errors(name, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(folder, **own)
    with load_errors(name, "image preprocessor"):
        image_processor = AutoImageProcessor.from_pretrained(folder, **own)
    with load_errors(name, "weights"):
        model, found = AutoModel.from_pretrained(
            folder,
            use_safetensors=None if source.allow_pickle else True,
            dtype="float32",
            ignore_mismatched_sizes=True,  # named below, by us
            output_loading_info=True,
            **own,
        )
    with load_errors(name):
        _check_weights(found)
    return Checkpoint(name, revision, config, tokenizer, image_processor, model.eval())


def _check_weights(found: dict[str, Any]) -> None:
    """Raise ModelLoadError where weights were made up: they would be random numbers."""
    misshapen = {name for name, *_ in found["mismatched_keys"]}
    for names, what in ((found["missing_keys"], "lacks"), (misshapen, "has in another shape")):
        if names:
            some = ", ".join(sorted(names)[:EXAMPLES])
            raise ModelLoadError(f"it {what} {len(names)} of the weights, such as {some}")
