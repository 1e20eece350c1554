"""The image encoding of both peers: transformers as its documentation shows it.

The labels are encoded once and kept, as one would with labels that are known in advance, so that
the peers are measured on images only, which is their best case.
"""

import base64
import io
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor


class Reference:
    """A CLIP model and its processor."""

    def __init__(self, folder: str) -> None:
        self._model: Any = AutoModel.from_pretrained(folder).eval()
        self._processor: Any = AutoProcessor.from_pretrained(folder)
        self.embed_labels = lru_cache(maxsize=100)(self._embed_labels)

    def read(self, request: dict[str, Any]) -> tuple[torch.Tensor, tuple[str, ...]]:
        """A request of `POST /rank` → pixels of shape (3, height, width), and the labels."""
        content = base64.b64decode(request["queries"][0]["img_blob"])
        image = Image.open(io.BytesIO(content)).convert("RGB")
        [pixels] = self._processor(images=image, return_tensors="pt")["pixel_values"]
        return pixels, tuple(item["text"] for item in request["candidates"])

    @torch.inference_mode()
    def embed_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """(images, 3, height, width) → (images, dimension), normalised."""
        return _unit(self._model.get_image_features(pixel_values=pixels).pooler_output)

    @torch.inference_mode()
    def _embed_labels(self, labels: tuple[str, ...]) -> torch.Tensor:
        inputs = self._processor(text=list(labels), return_tensors="pt", padding=True)
        return _unit(self._model.get_text_features(**inputs).pooler_output)

    @torch.inference_mode()
    def answer(self, embedding: torch.Tensor, labels: tuple[str, ...]) -> dict[str, Any]:
        cosines = embedding @ self.embed_labels(labels).T
        probabilities = (self._model.logit_scale.exp() * cosines).softmax(dim=-1)
        return {
            "probabilities": [probabilities.tolist()],
            "cosine_similarities": [cosines.tolist()],
        }


def _unit(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features, dim=-1)
