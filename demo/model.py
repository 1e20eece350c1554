"""Builds the untrained model and its processor, in the form that stock transformers loads."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
)

IMAGE_PIXELS = 60
PATCH_PIXELS = 10
WIDTH = 128
VOCABULARY = 4096
MAX_TOKENS = 32
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def learn_tokenizer(corpus: Iterable[str]) -> CLIPTokenizer:
    """Return a CLIP tokenizer whose byte-pair pieces were learnt from `corpus`."""
    # CLIP's own normaliser and splitter, so that the pieces fit what they will be applied to.
    learner = CLIPTokenizer().backend_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2,
        end_of_word_suffix="</w>",
        initial_alphabet=_byte_symbols(),
        show_progress=False,
    )
    learner.train_from_iterator(corpus, trainer)
    learnt = json.loads(learner.to_str())["model"]
    vocabulary = dict(learnt["vocab"])
    # Every byte may also end a word; a piece missing here could only be the unknown token.
    for symbol in _byte_symbols():
        vocabulary.setdefault(symbol + "</w>", len(vocabulary))
    for special in (BEGIN, END):
        vocabulary[special] = len(vocabulary)
    merges: Any = [tuple(merge) for merge in learnt["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def _byte_symbols() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def new_processor(tokenizer: CLIPTokenizer) -> CLIPProcessor:
    """Return CLIP's processor for images of the size the model sees."""
    images = CLIPImageProcessorPil(
        size={"shortest_edge": IMAGE_PIXELS},
        crop_size={"height": IMAGE_PIXELS, "width": IMAGE_PIXELS},
    )
    return CLIPProcessor(image_processor=images, tokenizer=tokenizer)


def new_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Return a model with random weights: four vision layers, two text layers, 128 wide."""
    common = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": 4,
        "projection_dim": WIDTH,
    }
    text = {
        **common,
        "num_hidden_layers": 2,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        **common,
        "num_hidden_layers": 4,
        "image_size": IMAGE_PIXELS,
        "patch_size": PATCH_PIXELS,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH))


def save(model: CLIPModel, processor: CLIPProcessor, folder: Path) -> None:
    """Write the model and its processor to `folder`."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
