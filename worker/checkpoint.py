"""A checkpoint, from the hub or a folder, and everything that can be wrong with one."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from worker.families import FAMILIES, supported

DESCRIPTIONS = ("*.json", "*.txt", "*.model")
WEIGHTS = ("model.safetensors", "model-*.safetensors")
PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model-*.bin")


class UnsuitableModel(Exception):
    """The checkpoint cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What transformers makes of a checkpoint; the weights are float32 and in main memory."""

    name: str
    revision: str
    config: Any
    tokenizer: Any
    image_processor: Any
    model: Any


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint is to be had; pickled weights may run code of their own."""

    name: str
    revision: str = "main"
    allow_pickle: bool = False

    def fetch(self) -> tuple[Path, str]:
        """Download whatever is not in the cache yet. Returns the folder and the exact revision.

        Shows its progress on standard error. Offline (`HF_HUB_OFFLINE=1`) it is the cache or
        nothing.

        Raises:
            UnsuitableModel: it cannot be had.
        """
        folder = Path(self.name)
        if folder.is_dir():
            return folder, self.revision
        pickled = PICKLED_WEIGHTS if self.allow_pickle else ()
        with _told(self.name):
            path = snapshot_download(
                self.name,
                revision=self.revision,
                allow_patterns=[*DESCRIPTIONS, *WEIGHTS, *pickled],
                ignore_patterns=["*/*"],
            )
        # The cache keeps each commit in a folder of its name.
        return Path(path), Path(path).name


def open_checkpoint(source: Source) -> Checkpoint:
    """Download if need be, and load.

    Raises:
        UnsuitableModel: it is not there, broken, or of no family that is supported.
    """
    transformers_logging.set_verbosity_error()
    folder, revision = source.fetch()
    transformers_logging.disable_progress_bar()
    name = source.name
    with _told(name):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if config.model_type not in FAMILIES:
            raise UnsuitableModel(
                f"{name} is a {config.model_type} model; supported are {supported()}"
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        image_processor = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
        model, found = AutoModel.from_pretrained(
            folder,
            trust_remote_code=False,
            use_safetensors=None if source.allow_pickle else True,
            dtype="float32",
            output_loading_info=True,
        )
    # Left alone they would be random numbers, and nobody would be told.
    if found["missing_keys"]:
        some = ", ".join(sorted(found["missing_keys"])[:3])
        raise UnsuitableModel(f"{name} lacks {len(found['missing_keys'])} weights, such as {some}")
    return Checkpoint(name, revision, config, tokenizer, image_processor, model.eval())


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say in a sentence what was wrong."""
    try:
        yield
    except GatedRepoError:
        reason = "it is gated: ask for access on its page, and set HF_TOKEN"
    except RepositoryNotFoundError:
        reason = (
            "there is no such folder, and no such model on the hub (or HF_TOKEN may not see it)"
        )
    except RevisionNotFoundError:
        reason = "it has no such revision"
    except HFValidationError:
        reason = "there is no such folder, and it cannot be the name of a model on the hub"
    except LocalEntryNotFoundError:
        reason = "it is not in the cache, and the hub is out of reach"
    except SafetensorError as error:
        reason = f"its weights are broken ({error})"
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    except (ValueError, RuntimeError, KeyError, AttributeError, TypeError, ImportError) as error:
        reason = str(error)
    else:
        return
    raise UnsuitableModel(f"cannot load {name}: {reason}")
