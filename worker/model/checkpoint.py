"""A checkpoint, loaded by transformers: the only module that uses transformers."""

from dataclasses import dataclass
from typing import Any

import structlog
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from worker.model.load_errors import ModelLoadError, load_errors
from worker.model.source import Source

EXAMPLES = 3

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint; the weights are float32 and in main memory."""

    name: str
    revision: str
    config: Any
    tokenizer: Any
    image_processor: Any
    model: Any


def open_checkpoint(source: Source) -> Checkpoint:
    """Download a checkpoint if necessary, and load it.

    Raises:
        ModelLoadError: it does not exist, is broken, or is of an unsupported family.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    folder, revision = source.fetch()
    name = source.name
    log.info("model_loading", model=name)
    # Never run code from a checkpoint.
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
            ignore_mismatched_sizes=True,  # reported by _check_weights
            output_loading_info=True,
            **own,
        )
    with load_errors(name):
        _check_weights(found)
    return Checkpoint(name, revision, config, tokenizer, image_processor, model.eval())


def _check_weights(found: dict[str, Any]) -> None:
    """Raise ModelLoadError if weights are missing: transformers initialises them at random."""
    misshapen = {name for name, *_ in found["mismatched_keys"]}
    for names, what in ((found["missing_keys"], "lacks"), (misshapen, "has in another shape")):
        if names:
            some = ", ".join(sorted(names)[:EXAMPLES])
            raise ModelLoadError(f"it {what} {len(names)} of the weights, such as {some}")
