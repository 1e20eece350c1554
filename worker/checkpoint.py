"""A checkpoint as transformers loads it: the only module that knows transformers."""

from dataclasses import dataclass
from typing import Any

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from worker.refusals import UnsuitableModel, explained
from worker.source import Source

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
        UnsuitableModel: it is not there, broken, or of no family that is supported.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    folder, revision = source.fetch()
    with explained(source.name):
        # Never the code that a checkpoint may bring along.
        own = {"trust_remote_code": False, "local_files_only": True}
        config = AutoConfig.from_pretrained(folder, **own)
        tokenizer = AutoTokenizer.from_pretrained(folder, **own)
        image_processor = AutoImageProcessor.from_pretrained(folder, **own)
        model, found = AutoModel.from_pretrained(
            folder,
            use_safetensors=None if source.allow_pickle else True,
            dtype="float32",
            output_loading_info=True,
            **own,
        )
        # Left alone they would be random numbers, and nobody would be told.
        if missing := sorted(found["missing_keys"]):
            some = ", ".join(missing[:EXAMPLES])
            raise UnsuitableModel(f"it lacks {len(missing)} weights, such as {some}")
    return Checkpoint(source.name, revision, config, tokenizer, image_processor, model.eval())
