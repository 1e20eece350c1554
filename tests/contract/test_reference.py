"""The service's numbers are those of stock transformers on the same checkpoint."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPConfig, CLIPModel, CLIPProcessor
from transformers.image_utils import load_image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from tests.images import blob, encoded, noise
from tests.processes import DEMO_MODEL, SAMPLES, Api, start_api, start_worker, wait_for_workers

Floats = npt.NDArray[np.float32]

ORIENTATION = 0x0112


def rotated_by_exif() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(noise(90, 50, seed=3), "JPEG", exif=exif)


ENCODED: dict[str, bytes] = {
    "jpeg": encoded(noise(200, 150, seed=1), "JPEG"),
    "jpeg grey": encoded(noise(80, 120, "L", seed=2), "JPEG"),
    "jpeg cmyk": encoded(noise(70, 60, "CMYK", seed=2), "JPEG"),
    "jpeg exif": rotated_by_exif(),
    "png": encoded(noise(64, 64, seed=4)),
    "png palette": encoded(noise(100, 40, seed=5).quantize(16)),
    "png alpha": encoded(noise(50, 77, "RGBA", seed=6)),
    "png bilevel": encoded(noise(33, 44, "1", seed=6)),
    "webp": encoded(noise(120, 121, seed=7), "WEBP"),
    "gif": encoded(
        noise(40, 40, seed=8).quantize(),
        "GIF",
        save_all=True,
        append_images=[noise(40, 40, seed=9).quantize()],
    ),
    "1x1": encoded(noise(1, 1, seed=10)),
    "very wide": encoded(noise(3000, 8, seed=11)),
    "very tall": encoded(noise(5, 2000, seed=12)),
    "large": encoded(noise(1500, 1100, seed=13), "JPEG"),
}
LAYERS = {"num_hidden_layers": 4}
TEXTS = ["a cat", "", "T-Shirt!", "ünïcödé 🐈", "very " * 200 + "long", "a photo of a pizza", "x"]


@pytest.fixture(scope="module")
def big_model(folder: Path) -> Path:
    """A random-weight model as openai/clip-vit-base-patch32, of four layers instead of twelve."""
    path = folder / "vit-b-32"
    tokenizer = AutoTokenizer.from_pretrained(DEMO_MODEL)
    tokenizer.model_max_length = 77
    ids = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=ids | LAYERS, vision_config=LAYERS)).save_pretrained(path)
    CLIPProcessor(CLIPImageProcessorPil(), tokenizer).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def big_service(folder: Path, redis_url_of_its_own: str, big_model: Path) -> Iterator[Api]:
    worker = start_worker(folder, redis_url_of_its_own, big_model, batch_size=4)
    api = start_api(folder, redis_url_of_its_own)
    wait_for_workers(api, [worker])
    yield api
    api.stop()
    worker.stop()


class Reference:
    """CLIPModel and CLIPProcessor, used as their documentation shows."""

    def __init__(self, folder: Path) -> None:
        self.model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor: Any = CLIPProcessor.from_pretrained(folder)

    @torch.inference_mode()
    def rank(self, images: list[bytes], texts: list[str]) -> tuple[Floats, Floats]:
        """Cosine similarities and probabilities, both (images, texts)."""
        inputs = self.processor(
            text=texts,
            images=[load_image(Image.open(io.BytesIO(image))) for image in images],
            return_tensors="pt",
            padding=True,
            truncation=True,
        )
        outputs = self.model(**inputs)
        logits = outputs.logits_per_image
        return (logits / self.model.logit_scale.exp()).numpy(), logits.softmax(dim=1).numpy()


def check(service: Api, reference: Reference, images: list[bytes], texts: list[str]) -> None:
    body = {
        "queries": [blob(image) for image in images],
        "candidates": [{"text": text} for text in texts],
    }
    answer = service.post("/rank", body)
    assert answer.status_code == 200, answer.text
    got = answer.json()
    cosines, probabilities = reference.rank(images, texts)
    assert np.abs(np.array(got["cosine_similarities"]) - cosines).max() < 1e-5
    assert np.abs(np.array(got["probabilities"]) - probabilities).max() < 1e-4


@pytest.fixture(scope="module")
def demo() -> Reference:
    return Reference(DEMO_MODEL)


@pytest.fixture(scope="module")
def big(big_model: Path) -> Reference:
    return Reference(big_model)


class TestDemoModel:
    @pytest.mark.parametrize("name", ENCODED)
    def test_each_kind_of_image(self, service: Api, demo: Reference, name: str) -> None:
        check(service, demo, [ENCODED[name]], TEXTS)

    def test_all_at_once(self, service: Api, demo: Reference) -> None:
        check(service, demo, list(ENCODED.values()), TEXTS)

    @pytest.mark.parametrize("count", [1, 2, 10, 200])
    def test_any_number_of_candidates(self, service: Api, demo: Reference, count: int) -> None:
        texts = [f"label {'long ' * (number % 7)}{number}" for number in range(count)]
        check(service, demo, [ENCODED["jpeg"], ENCODED["png"]], texts)

    def test_the_sample_images(self, service: Api, demo: Reference) -> None:
        images = sorted(p for p in SAMPLES.iterdir() if p.suffix in (".png", ".jpg", ".webp"))
        assert len(images) >= 5
        check(service, demo, [image.read_bytes() for image in images], TEXTS)


class TestVitB32:
    def test_every_kind_of_image(self, big_service: Api, big: Reference) -> None:
        check(big_service, big, list(ENCODED.values()), TEXTS)

    def test_many_candidates(self, big_service: Api, big: Reference) -> None:
        check(big_service, big, [ENCODED["webp"]], [f"label {n}" for n in range(200)])
