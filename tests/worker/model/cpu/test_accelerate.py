"""An accelerated model: the numbers of the stock one, on as many threads as it should have."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from tests.images import noise
from tests.processes import DEMO_MODEL
from tests.tiny_models import FAMILIES, save_tiny_model
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.cpu import accelerate as module
from worker.model.loading import load_encoder
from worker.model.source import Source
from worker.model.warmup import blank_image
from worker.settings import WorkerSettings

MOST = 4
TEXTS = ["a cat", "a photo of a pizza", "t-shirt"]


@pytest.fixture(autouse=True)
def _several_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(MOST)
    yield
    torch.set_num_threads(before)


def make(model: object = DEMO_MODEL, threads: int = 0, *, accelerated: bool = True) -> ClipEncoder:
    checkpoint = open_checkpoint(Source(str(model)))
    return ClipEncoder(checkpoint, "cpu", "float32", threads, accelerated=accelerated)


def embeddings(encoder: ClipEncoder) -> list[Any]:
    images = [np.asarray(noise(60, 60, seed=seed)) for seed in range(7)]
    prepared = [encoder.prepare_image(DecodedImage.of(image)) for image in images]
    of_texts = encoder.encode_texts(encoder.prepare_texts(TEXTS))
    return [encoder.encode_images(prepared), encoder.encode_images(prepared[:1]), of_texts]


@pytest.mark.parametrize("family", ["demo", *FAMILIES])
def test_the_numbers_are_those_of_stock_transformers_and_torch(
    family: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("model")
    path = DEMO_MODEL if family == "demo" else save_tiny_model(family, folder)
    expected = embeddings(make(path, accelerated=False))
    for threads in (1, 3):
        with capture_logs() as logs:
            found = embeddings(make(path, threads))
        assert "warning" not in {line["log_level"] for line in logs}
        for some, same in zip(found, expected, strict=True):
            assert np.abs(some - same).max() <= 1e-5 * np.abs(same).max()


def test_a_large_batch_is_encoded_in_pieces_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=10)

    def see(pixel_values: torch.Tensor) -> torch.Tensor:
        together.wait()
        return pixel_values.flatten(1)[:, :2]

    monkeypatch.setattr(module, "make_vision_tower", lambda _: see)
    encoder = make(threads=3)
    assert encoder.encode_images([blank_image(encoder)] * 7).shape == (7, 2)


def test_a_small_model_has_one_thread_and_a_large_one_all(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = make()
    encoder.encode_images([blank_image(encoder)])
    assert torch.get_num_threads() == 1
    torch.set_num_threads(MOST)
    monkeypatch.setattr(module, "SMALL_PARAMETERS", 1000)
    encoder = make()
    encoder.encode_images([blank_image(encoder)])
    assert torch.get_num_threads() == MOST


def threads_after(encode: Callable[[], object]) -> int:
    """The number of torch's threads in a thread that had another number before it encoded."""

    def run() -> int:
        torch.set_num_threads(MOST)
        encode()
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_number_that_is_set_holds_in_every_thread(threads: int) -> None:
    encoder = make(threads=threads)
    image, texts = blank_image(encoder), encoder.prepare_texts(["a cat"])
    assert threads_after(lambda: encoder.encode_images([image])) == threads
    assert threads_after(lambda: encoder.encode_texts(texts)) == threads


@pytest.mark.parametrize("acceleration", ["auto", "off"])
def test_a_worker_has_the_number_of_its_settings(acceleration: str) -> None:
    given = {"model": str(DEMO_MODEL), "torch_threads": 3, "cpu_acceleration": acceleration}
    encoder = load_encoder(WorkerSettings.model_validate(given))

    def encode() -> int:
        encoder.encode_texts(encoder.prepare_texts(["a cat"]))
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(encode).result() == 3


def test_off_is_stock_torch_and_transformers() -> None:
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    before = [type(module) for module in checkpoint.model.modules()]
    calls: list[object] = []
    checkpoint.model.vision_model.encoder.register_forward_pre_hook(
        lambda *_: calls.append(torch.get_num_threads())
    )
    encoder = ClipEncoder(checkpoint, "cpu", "float32", accelerated=False)
    encoder.encode_images([blank_image(encoder)] * 9)
    assert calls == [MOST]
    assert [type(module) for module in checkpoint.model.modules()] == before
