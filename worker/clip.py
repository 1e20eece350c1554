"""The encoder of Hugging Face models: the only module that knows torch."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from common.protocol import ModelInfo, Vectors
from worker.encoder import OutOfMemory, Pixels, PreparedImage, PreparedText
from worker.preprocess import preprocessor


class UnsuitableModel(Exception):
    """The checkpoint cannot be loaded as a CLIP model; the message says why."""


class ClipEncoder:
    """A CLIP model of Hugging Face transformers, as an Encoder."""

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any, info: ModelInfo) -> None:  # noqa: ANN401
        self._model = model
        self._tokenizer = tokenizer
        self._preprocess = preprocessor(image_processor)
        self._context = min(
            int(tokenizer.model_max_length), int(model.config.text_config.max_position_embeddings)
        )
        self.info = info
        self.device = str(model.device)
        self.dtype = str(model.dtype).removeprefix("torch.")

    def prepare_image(self, pixels: Pixels) -> PreparedImage:
        return self._preprocess(pixels)

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        batch = self._tokenizer(list(texts), truncation=True, max_length=self._context)
        return [
            PreparedText(tuple(encoding.ids), bool(encoding.overflowing))
            for encoding in batch.encodings
        ]

    def encode_images(self, images: Sequence[PreparedImage]) -> Vectors:
        pixels = torch.from_numpy(np.stack(images)).to(self._model.device, self._model.dtype)
        return self._features(lambda: self._model.get_image_features(pixel_values=pixels))

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        batch = self._tokenizer.pad(
            {"input_ids": [list(text.ids) for text in texts]}, padding=True, return_tensors="pt"
        ).to(self._model.device)
        return self._features(lambda: self._model.get_text_features(**batch))

    @torch.inference_mode()
    def _features(self, forward: Callable[[], Any]) -> Vectors:
        try:
            features = forward().pooler_output
            return cast("Vectors", features.float().cpu().numpy())
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemory(str(error)) from None


def load(name: str, revision: str, device: str, dtype: str, threads: int) -> ClipEncoder:
    """Load a checkpoint from the hub or a folder.

    Raises:
        UnsuitableModel: it is not there, broken, or not a CLIP model.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    where = _resolve_device(device)
    try:
        config = AutoConfig.from_pretrained(name, revision=revision)
        if getattr(config, "text_config", None) is None or not hasattr(config, "projection_dim"):
            raise UnsuitableModel(
                f"cannot load {name}: it is a {config.model_type} model, not a CLIP model"
            )
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
        image_processor = AutoImageProcessor.from_pretrained(name, revision=revision)
        model = AutoModel.from_pretrained(
            name, revision=revision, dtype=_resolve_dtype(dtype, where)
        )
        model = model.to(where).eval()
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise UnsuitableModel(f"cannot load {name} on {where}: {error}") from error
    info = ModelInfo(
        name=name,
        revision=getattr(config, "_commit_hash", None) or revision,
        dimension=int(config.projection_dim),
        logit_scale=float(model.logit_scale.detach().float().exp()),
    )
    return ClipEncoder(model, tokenizer, image_processor, info)


def _resolve_device(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _resolve_dtype(dtype: str, device: str) -> torch.dtype:
    if dtype == "auto":
        return torch.float16 if device.startswith("cuda") else torch.float32
    return cast("torch.dtype", getattr(torch, dtype))
