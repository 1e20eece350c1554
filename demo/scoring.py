"""How the demonstration's images and texts compare, with the model loaded as any other CLIP is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional
from transformers import AutoProcessor, CLIPModel

from demo.samples import SAMPLES, Sample

DEFAULT_MODEL = Path(__file__).parent / "model"


@torch.no_grad()
def similarities(
    folder: Path, images: Sequence[Image.Image], texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return the cosine of every image and every text, (images, texts)."""
    model = CLIPModel.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    shown = processor(images=list(images), return_tensors="pt")
    read = processor(text=list(texts), return_tensors="pt", padding=True, truncation=True)
    seen = functional.normalize(model.get_image_features(**shown).pooler_output, dim=-1)
    meant = functional.normalize(model.get_text_features(**read).pooler_output, dim=-1)
    cosines: NDArray[np.float32] = (seen @ meant.T).numpy()
    return cosines


def sample_similarities(
    model: Path, samples: Sequence[Sample], texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return the cosine of every sample and every text, (samples, texts)."""
    images = [Image.open(sample.path).convert("RGB") for sample in samples]
    return similarities(model, images, texts)


def samples_found(model: Path, query: str, kind: str) -> tuple[int, int]:
    """Return how many of the first k samples for `query` are of `kind`, and k, their number."""
    right = np.array([sample.kind == kind for sample in SAMPLES])
    count = int(right.sum())
    best = (-sample_similarities(model, SAMPLES, [query])[:, 0]).argsort()[:count]
    return int(right[best].sum()), count


def share_right(scores: NDArray[np.float32], labels: int, draws: int, seed: int) -> float:
    """Return how often image n's best label is label n, among `labels` random labels.

    `scores` is square; label n is always among the labels, and the others are drawn anew, without
    repetition, `draws` times for each image.
    """
    chance = np.random.default_rng(seed)
    count = len(scores)
    right = 0
    for number in range(count):
        others = np.delete(scores[number], number)
        for _ in range(draws):
            picked = chance.choice(count - 1, labels - 1, replace=False)
            right += bool(scores[number, number] > others[picked].max())
    return right / (count * draws)


def most_confused(scores: NDArray[np.float32], names: Sequence[str], count: int) -> list[str]:
    """Return the images whose own name ranks lowest, with the name that ranks first."""
    ranks = (scores > scores.diagonal()[:, None]).sum(axis=1)
    worst = np.argsort(-ranks)[:count]
    return [f"{names[n]} (rank {ranks[n] + 1}, {names[scores[n].argmax()]} first)" for n in worst]
