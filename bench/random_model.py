"""A CLIP model of random weights, of any shape."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import AutoTokenizer, CLIPConfig, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.utils import logging as transformers_logging


def make(shape: Mapping[str, Mapping[str, int]], tokenizer_folder: Path, folder: Path) -> None:
    """Write a whole checkpoint: config, weights, preprocessor, and the tokenizer of another.

    Whatever lay in the folder goes.
    """
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.model_max_length = 77
    ids = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    transformers_logging.disable_progress_bar()
    torch.manual_seed(0)
    config = CLIPConfig(text_config={**shape["text"], **ids}, vision_config=dict(shape["vision"]))
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    CLIPModel(config).save_pretrained(unfinished)
    # Apart, as in published checkpoints: older releases cannot read a processor of this one.
    tokenizer.save_pretrained(unfinished)
    CLIPImageProcessorPil().save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
