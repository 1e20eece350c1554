"""The pipeline on a CPU, whose streams do nothing: the same numbers, and the same memory kept."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.images import noise
from tests.processes import DEMO_MODEL
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import DeviceFailed, OutOfMemory, PreparedImage
from worker.model.gpu.pipeline import GpuPipeline
from worker.model.running import Tensors
from worker.model.source import Source

CPU = torch.device("cpu")
TEXTS = ["a cat", "a photo of a pizza", "t-shirt"]


def rows(count: int) -> dict[str, list[np.ndarray[Any, Any]]]:
    return {"x": [np.full(3, number, dtype=np.uint8) for number in range(count)]}


def doubled(batch: Tensors) -> torch.Tensor:
    return 2 * batch["x"].float()


@pytest.fixture
def pipeline() -> GpuPipeline:
    return GpuPipeline(CPU)


def test_a_batch_is_stacked_and_computed(pipeline: GpuPipeline) -> None:
    wait = pipeline.start(lambda: rows(4), doubled)
    assert wait().tolist() == [[0, 0, 0], [2, 2, 2], [4, 4, 4], [6, 6, 6]]


def test_two_batches_are_in_it_at_once(pipeline: GpuPipeline) -> None:
    first, second = (pipeline.start(lambda n=n: rows(n), doubled) for n in (2, 3))  # type: ignore[misc]
    assert len(first()) == 2
    assert len(second()) == 3


def test_what_is_copied_is_kept_until_the_batch_has_ended_and_no_longer(
    pipeline: GpuPipeline,
) -> None:
    seen: list[weakref.ref[torch.Tensor]] = []

    def remember(batch: Tensors) -> torch.Tensor:
        seen.append(weakref.ref(batch["x"]))
        return doubled(batch)

    wait = pipeline.start(lambda: rows(2), remember)
    gc.collect()
    assert seen[0]() is not None
    vectors = wait()
    del wait
    gc.collect()
    assert seen[0]() is None
    assert vectors.base is None, "it does not keep page-locked memory"


def test_memory_is_page_locked_on_a_gpu(
    pipeline: GpuPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []

    def empty(shape: tuple[int, ...], *, dtype: torch.dtype, pin_memory: bool) -> torch.Tensor:
        made.append(pin_memory)
        return torch.zeros(shape, dtype=dtype)

    monkeypatch.setattr(pipeline, "_is_pinned", True)
    monkeypatch.setattr(torch, "empty", empty)
    pipeline.start(lambda: rows(2), doubled)()
    assert made == [True, True], "the batch and its embeddings"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("no room"), OutOfMemory),
        (RuntimeError("CUDA error: device-side assert triggered"), DeviceFailed),
        (RuntimeError("shapes do not fit"), RuntimeError),
    ],
)
def test_errors_are_told_apart_when_a_batch_is_started(
    pipeline: GpuPipeline, raised: Exception, expected: type[Exception]
) -> None:
    def fail(_: Tensors) -> torch.Tensor:
        raise raised

    with pytest.raises(expected) as caught:
        pipeline.start(lambda: rows(2), fail)
    assert type(caught.value) is expected


def test_an_error_of_the_device_while_it_is_waited_for(
    pipeline: GpuPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def record(self, stream: object) -> None: ...

        def synchronize(self) -> None:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(pipeline, "_event", Broken)
    wait = pipeline.start(lambda: rows(2), doubled)
    with pytest.raises(DeviceFailed, match="illegal memory access"):
        wait()


def test_embeddings_that_are_not_finite_are_an_error(pipeline: GpuPipeline) -> None:
    wait = pipeline.start(lambda: rows(2), lambda batch: doubled(batch) / 0)
    with pytest.raises(FloatingPointError, match="not finite"):
        wait()


@pytest.fixture(scope="module")
def plain() -> ClipEncoder:
    return ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", "float32")


@pytest.fixture(scope="module")
def piped() -> ClipEncoder:
    """An encoder as on a GPU, without graphs."""
    encoder = ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", "float32")
    encoder.use_pipeline()
    return encoder


def prepared(encoder: ClipEncoder, count: int) -> list[PreparedImage]:
    images = [np.asarray(noise(60, 60, seed=seed)) for seed in range(count)]
    return [encoder.prepare_image(DecodedImage.of(image)) for image in images]


def test_an_encoder_on_a_cpu_starts_nothing(plain: ClipEncoder) -> None:
    assert plain.start == {}


def test_an_encoders_embeddings_are_those_without_it(
    plain: ClipEncoder, piped: ClipEncoder
) -> None:
    images = prepared(plain, 5)
    texts = plain.prepare_texts(TEXTS)
    waits: list[Callable[[], Any]] = [piped.start["image"](images), piped.start["text"](texts)]
    of_images, of_texts = (wait() for wait in waits)
    assert np.array_equal(of_images, plain.encode_images(images))
    assert np.array_equal(of_texts, plain.encode_texts(texts))
    assert np.array_equal(piped.encode_images(images), of_images)
