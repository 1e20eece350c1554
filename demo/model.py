"""Builds the untrained model and its processor, in the form that stock transformers loads."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers, trainers
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
)

IMAGE_PIXELS = 60
PATCH_PIXELS = 10
IMAGE_WIDTH, IMAGE_LAYERS = 128, 6
TEXT_WIDTH, TEXT_LAYERS = 128, 2
SHARED_WIDTH = 128
HEAD_WIDTH = 32
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


def _tower(width: int, layers: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_attention_heads": width // HEAD_WIDTH,
        "num_hidden_layers": layers,
        "projection_dim": SHARED_WIDTH,
    }


def new_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Return a model of the sizes above with random weights."""
    text = {
        **_tower(TEXT_WIDTH, TEXT_LAYERS),
        "vocab_size": len(tokenizer),
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        **_tower(IMAGE_WIDTH, IMAGE_LAYERS),
        "image_size": IMAGE_PIXELS,
        "patch_size": PATCH_PIXELS,
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=SHARED_WIDTH)
    return CLIPModel(config)


@torch.no_grad()
def grown(earlier: CLIPModel, tokenizer: CLIPTokenizer) -> CLIPModel:
    """Return a new model that computes what an earlier one, of fewer image layers, does.

    The layers that it has besides start out as doing nothing.
    """
    model = new_model(tokenizer)
    model.load_state_dict(earlier.state_dict(), strict=False)
    known = earlier.config.vision_config.num_hidden_layers
    for layer in model.vision_model.encoder.layers[known:]:
        for last in (layer.self_attn.out_proj, layer.mlp.fc2):
            last.weight.zero_()
            last.bias.zero_()
    return model


def some_patches_features(model: CLIPModel, pixels: Tensor, share: float) -> Tensor:
    """Return the image features of a random `share` of each image's patches (Li et al. 2023).

    A step costs about as much less, and the model learns not to rely on any one part.
    """
    tower = model.vision_model
    seen = tower.embeddings(pixels)
    patches = seen.shape[1] - 1
    if share < 1:
        kept = torch.rand(len(pixels), patches).argsort(1)[:, : round(patches * share)] + 1
        picked = seen.gather(1, kept[:, :, None].expand(-1, -1, seen.shape[2]))
        seen = torch.cat([seen[:, :1], picked], 1)
    hidden = tower.encoder(inputs_embeds=tower.pre_layrnorm(seen)).last_hidden_state
    features: Tensor = model.visual_projection(tower.post_layernorm(hidden[:, 0]))
    return features


def save(model: CLIPModel, processor: CLIPProcessor, folder: Path) -> None:
    """Write the model and its processor to `folder`, the weights in half precision.

    The configuration still names float32, and that is what transformers loads them as.
    """
    halves = {name: weight.half() for name, weight in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=halves)
    processor.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
