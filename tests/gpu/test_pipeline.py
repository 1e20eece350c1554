"""Batches in flight at once, and CUDA graphs: the numbers of one batch after the other."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from tests.gpu.cards import DEVICE, cosines, encoder, needs_gpu, prepared
from tests.processes import DEMO_MODEL
from worker.batching.batcher import Batcher
from worker.batching.policy import PartRef
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.gpu.graphs import GraphedForward
from worker.model.running import Tensors
from worker.model.source import Source

pytestmark = needs_gpu

IMAGES = 200
PATIENCE_S = 60
SIZES = (1, 3, 8, 31, 32, 33, 64, 128, 2, 17)


@pytest.fixture(scope="module")
def model() -> ClipEncoder:
    return encoder(DEMO_MODEL)


@pytest.fixture(scope="module")
def expected(model: ClipEncoder) -> Any:
    """Of stock transformers, in the same precision, one batch after the other."""
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    stock = ClipEncoder(checkpoint, DEVICE, "auto", accelerated=False)
    assert stock.start == {}
    return stock.encode_images(prepared(model, range(IMAGES)))


def test_batches_of_every_size_in_flight_keep_their_numbers(
    model: ClipEncoder, expected: Any
) -> None:
    images = prepared(model, range(IMAGES))
    random = np.random.default_rng(1)
    running: deque[tuple[Any, Callable[[], Any]]] = deque()
    for _ in range(20):
        for size in SIZES:
            chosen = random.integers(0, IMAGES, size)
            running.append((chosen, model.start["image"]([images[at] for at in chosen])))
            if len(running) > 2:
                rows, wait = running.popleft()
                assert cosines(wait(), expected[rows]).min() > 0.9999
    for rows, wait in running:
        assert cosines(wait(), expected[rows]).min() > 0.9999


def test_images_and_texts_in_flight_keep_their_numbers(model: ClipEncoder, expected: Any) -> None:
    images, texts = prepared(model, range(8)), model.prepare_texts(["a cat", "a red car"])
    alone = model.encode_texts(texts)
    for _ in range(20):
        of_images, of_texts = model.start["image"](images), model.start["text"](texts)
        assert cosines(of_images(), expected[:8]).min() > 0.9999
        assert cosines(of_texts(), alone).min() > 0.9999


def test_a_batcher_keeps_two_batches_in_flight(model: ClipEncoder, expected: Any) -> None:
    images = prepared(model, range(IMAGES))
    batcher = Batcher({"image": model.encode_images}, {"image": 16}, start=model.start)
    try:
        answers = [batcher.submit("image", image, PartRef()) for image in images * 5]
        found = np.array([answer.result(PATIENCE_S) for answer in answers])
    finally:
        batcher.close(PATIENCE_S)
    assert cosines(found, np.tile(expected, (5, 1))).min() > 0.9999


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_every_small_batch_has_a_graph(dtype: str) -> None:
    with capture_logs() as logs:
        encoder(DEMO_MODEL, dtype=dtype)
    assert not [line for line in logs if line["log_level"] == "warning"]


def test_what_cannot_be_captured_runs_without_a_graph() -> None:
    def forward(batch: Tensors) -> torch.Tensor:
        if batch["x"].sum().item() < 0:  # waits for the device, which no graph can
            raise ValueError
        return batch["x"].float() * 2

    device = torch.device(DEVICE, 0)
    before = torch.cuda.current_stream(device)
    graphed = GraphedForward(forward)
    with capture_logs() as logs:
        graphed.capture({"x": torch.ones(1, 3, device=device)}, torch.float32)
    assert [line["event"] for line in logs] == ["cuda_graphs_not_used"]
    assert torch.cuda.current_stream(device) == before
    with torch.inference_mode():
        assert graphed({"x": torch.ones(5, 3, device=device)}).tolist() == [[2.0] * 3] * 5


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_another_than_the_first_card(expected: Any) -> None:
    model = encoder(DEMO_MODEL, "cuda:1")
    assert cosines(model.encode_images(prepared(model, range(40))), expected[:40]).min() > 0.9999
