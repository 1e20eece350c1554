"""The encoder on a device that runs out of memory, or fails."""

import weakref
from concurrent.futures import wait
from typing import Any

import numpy as np
import pytest
import torch

from tests.images import noise
from tests.processes import DEMO_MODEL
from worker.batching.batcher import Batcher
from worker.batching.policy import PartRef
from worker.images.decode import DecodedImage
from worker.model import running
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import DeviceFailed, OutOfMemory, PreparedImage
from worker.model.loaded_checkpoint import Checkpoint
from worker.model.source import Source

MANY, MOST = 64, 16
PATIENCE_S = 30


class Card:
    """A model on a card with room for so many images, those of dropped batches included."""

    def __init__(self, see: Any) -> None:
        self._see = see
        self._batches: list[weakref.ref[torch.Tensor]] = []

    def __call__(self, pixel_values: torch.Tensor) -> Any:
        self._batches.append(weakref.ref(pixel_values))
        held = [batch for ref in self._batches if (batch := ref()) is not None]
        if sum(map(len, held)) > MOST:
            raise torch.OutOfMemoryError("no room")
        return self._see(pixel_values=pixel_values)


class NoRoom(dict[str, Any]):
    """A prepared image for which there is no memory."""

    def __getitem__(self, name: str) -> Any:
        raise torch.OutOfMemoryError("no room")


class Failing:
    """A model that raises an error on every call."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, **_: object) -> Any:
        raise self._error


@pytest.fixture
def checkpoint() -> Checkpoint:
    return open_checkpoint(Source(str(DEMO_MODEL)))


@pytest.fixture
def encoder(checkpoint: Checkpoint) -> ClipEncoder:
    return ClipEncoder(checkpoint, "cpu", "auto", accelerated=False)


def prepared(encoder: ClipEncoder, count: int) -> list[PreparedImage]:
    images = [np.asarray(noise(64, 64, seed=seed)) for seed in range(count)]
    return [encoder.prepare_image(DecodedImage.of(image)) for image in images]


def test_a_batch_that_did_not_fit_is_freed_before_its_halves_are_tried(
    checkpoint: Checkpoint, encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = prepared(encoder, MANY)
    expected = encoder.encode_images(images)
    card = Card(checkpoint.model.get_image_features)
    monkeypatch.setattr(checkpoint.model, "get_image_features", card)
    batcher = Batcher({"image": encoder.encode_images}, {"image": MANY})
    try:
        answers = [batcher.submit("image", image, PartRef()) for image in images]
        wait(answers, PATIENCE_S)
        found = np.array([answer.result(0) for answer in answers])
    finally:
        batcher.close(PATIENCE_S)
    assert found == pytest.approx(expected, abs=1e-4)
    assert MOST // 4 < batcher.sizes["image"] <= MOST


def test_a_batch_that_cannot_even_be_made_may_be_tried_smaller(encoder: ClipEncoder) -> None:
    images = [NoRoom(image) for image in prepared(encoder, 2)]
    with pytest.raises(OutOfMemory):
        encoder.encode_images(images)


def test_an_error_of_the_device_is_recognised_where_the_device_still_seems_to_work(
    checkpoint: Checkpoint, encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = prepared(encoder, 2)
    failing = Failing(RuntimeError("CUDA error: device-side assert triggered"))
    monkeypatch.setattr(checkpoint.model, "get_image_features", failing)
    with pytest.raises(DeviceFailed, match="assert"):
        encoder.encode_images(images)


def test_any_error_is_the_devices_where_it_takes_no_more_work(
    checkpoint: Checkpoint, encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = prepared(encoder, 2)
    failing = Failing(RuntimeError("something odd"))
    monkeypatch.setattr(checkpoint.model, "get_image_features", failing)
    with pytest.raises(RuntimeError, match="odd") as raised:
        encoder.encode_images(images)
    assert not isinstance(raised.value, DeviceFailed)
    monkeypatch.setattr(running, "still_works", lambda _: False)
    with pytest.raises(DeviceFailed, match="odd"):
        encoder.encode_images(images)


def test_embeddings_that_are_not_finite_are_an_error(
    checkpoint: Checkpoint, encoder: ClipEncoder
) -> None:
    images = prepared(encoder, 2)
    with torch.no_grad():
        checkpoint.model.visual_projection.weight[0, 0] = float("inf")
    with pytest.raises(FloatingPointError, match="not finite"):
        encoder.encode_images(images)
