"""Opens a checkpoint of any format; those of transformers are loaded here."""

import structlog
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from worker.model.blip2 import MODEL_TYPE, Blip2Retrieval
from worker.model.families import FAMILIES
from worker.model.load_errors import load_errors
from worker.model.loaded_checkpoint import Checkpoint, check_weights
from worker.model.open_clip import load as open_clip
from worker.model.source import Fetched, Source
from worker.model.tokenizing import lower_casing

log = structlog.get_logger()


def open_checkpoint(source: Source) -> Checkpoint:
    """Download a checkpoint if necessary, and load it.

    Raises:
        ModelLoadError: it does not exist, is broken, or is of an unsupported family.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    fetched = source.fetch()
    log.info("model_loading", model=source.name, format=fetched.format)
    if fetched.format == "open_clip":
        return open_clip.load_checkpoint(source.name, fetched)
    return _load(source, fetched)


def _load(source: Source, fetched: Fetched) -> Checkpoint:
    name, folder = source.name, fetched.folder
    # Never run code from a checkpoint.
    own = {"trust_remote_code": False, "local_files_only": True}
    with load_errors(name, "config.json"):
        config = AutoConfig.from_pretrained(folder, **own)
    with load_errors(name, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(folder, **own)
        lowering = lower_casing(folder, tokenizer)
    with load_errors(name, "image preprocessor"):
        image_processor = AutoImageProcessor.from_pretrained(folder, **own)
    with load_errors(name, "weights"):
        kind = Blip2Retrieval if config.model_type == MODEL_TYPE else AutoModel
        model, found = kind.from_pretrained(
            folder,
            use_safetensors=None if source.allow_pickle else True,
            weights_only=True,  # of a pickle, run only the part that builds tensors
            dtype="float32",
            ignore_mismatched_sizes=True,  # reported by check_weights
            output_loading_info=True,
            **own,
        )
    with load_errors(name):
        check_weights(found)
    if config.model_type == MODEL_TYPE:
        config.text_config = config.qformer_config  # not that of a language model
    family = FAMILIES[config.model_type]
    return Checkpoint(
        name=name,
        revision=fetched.revision,
        config=config,
        tokenizer=tokenizer,
        image_processor=image_processor,
        model=model.eval(),
        format="transformers",
        padding=family.padding,
        activation=family.activation,
        clean=lowering,
    )
