"""Every family, served: the numbers are those of the model's own forward and of the pipeline."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, pipeline

from tests.images import blob, encoded, noise
from tests.processes import Api, start_api, start_worker, wait_for_workers, wait_until
from tests.tiny_models import FAMILIES, save_tiny_model

Floats = npt.NDArray[np.float32]

SAMPLES = [encoded(noise(*size, seed=sum(size))) for size in ((40, 40), (90, 33), (20, 150))]
TEXTS = ["a cat", "", "a photo of the dog", "pizza on a t-shirt", "x"]
COMPARABLE = [family for family in FAMILIES if family != "blip-2"]
"""Another test compares BLIP-2, whose own score is no cosine of two vectors."""
TOO_LONG = "a very long label " * 30


class Reference:
    """The stock model, used as its documentation shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.image_processor = AutoImageProcessor.from_pretrained(folder)
        self.is_siglip = "siglip" in self.model.config.model_type

    @torch.inference_mode()
    def rank(self, texts: list[str]) -> tuple[Floats, Floats]:
        """Cosine similarities and probabilities, both (images, texts)."""
        padding = "max_length" if self.is_siglip else "longest"
        words = self.tokenizer(
            texts, padding=padding, truncation=True, max_length=self.context, return_tensors="pt"
        )
        shown = self.image_processor(
            images=[Image.open(io.BytesIO(image)) for image in SAMPLES], return_tensors="pt"
        )
        outputs = self.model(**words, **shown)
        logits = outputs.logits_per_image
        units = [
            torch.nn.functional.normalize(embeds, dim=-1)
            for embeds in (outputs.image_embeds, outputs.text_embeds)
        ]
        probabilities = logits.sigmoid() if self.is_siglip else logits.softmax(dim=1)
        return (units[0] @ units[1].T).numpy(), probabilities.numpy()

    @property
    def context(self) -> int:
        text = self.model.config.text_config
        # RoBERTa and its kin keep the positions up to the padding's for themselves.
        kept = 1 if text.model_type in ("xlm-roberta", "altclip_text_model") else 0
        longest: int = min(text.max_position_embeddings - kept, self.tokenizer.model_max_length)
        return longest


@pytest.fixture(scope="module")
def api(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    api = start_api(folder, redis_url_of_its_own)
    yield api
    api.stop()


@pytest.fixture(scope="module", params=COMPARABLE)
def served(
    request: pytest.FixtureRequest, folder: Path, redis_url_of_its_own: str, api: Api
) -> Iterator[Reference]:
    """A worker with the family's model, and the reference."""
    path = save_tiny_model(request.param, folder / f"served-{request.param}")
    worker = start_worker(folder, redis_url_of_its_own, path, batch_size=4, torch_threads=1)
    wait_for_workers(api, [worker])
    yield Reference(path)
    worker.stop()
    wait_until(lambda: api.workers() == 0, "the worker has said goodbye")


def rank(api: Api, texts: list[str]) -> dict[str, Any]:
    body = {
        "queries": [blob(image) for image in SAMPLES],
        "candidates": [{"text": text} for text in texts],
    }
    answer = api.post("/rank", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_numbers_are_those_of_the_model(api: Api, served: Reference) -> None:
    texts = [*TEXTS, TOO_LONG]
    got = rank(api, texts)
    cosines, probabilities = served.rank(texts)
    assert np.abs(np.array(got["cosine_similarities"]) - cosines).max() < 1e-5
    assert np.abs(np.array(got["probabilities"]) - probabilities).max() < 1e-4
    # A model that says the same of everything would prove nothing.
    assert np.ptp(cosines, axis=0).max() > 0.01
    assert np.ptp(cosines, axis=1).max() > 0.01


def test_the_numbers_are_those_of_the_pipeline(api: Api, served: Reference) -> None:
    classify: Any = pipeline("zero-shot-image-classification", model=str(served.folder))
    got = rank(api, TEXTS)["probabilities"]
    for image, row in zip(SAMPLES, got, strict=True):
        told = classify(
            Image.open(io.BytesIO(image)), candidate_labels=TEXTS, hypothesis_template="{}"
        )
        scores = {entry["label"]: entry["score"] for entry in told}
        assert np.abs(np.array(row) - [scores[text] for text in TEXTS]).max() < 1e-4
