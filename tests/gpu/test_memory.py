"""A shortage of the card's own memory, made by somebody who takes nearly all of it."""

from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPConfig

from tests.gpu.cards import DEVICE, cosines, encoder, needs_gpu, prepared
from tests.tiny_models import IDS, save_tiny_model
from worker.batching.batcher import Batcher
from worker.batching.memory import GROW_AFTER_S
from worker.batching.policy import PartRef
from worker.model.clip_encoder import ClipEncoder
from worker.model.encoder import OutOfMemory, PreparedImage

pytestmark = needs_gpu

MANY, FITTING = 512, 64
SIDE = 224
PATIENCE_S = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    """Small, but of images as large as CLIP's, so that a batch takes hundreds of megabytes."""
    return encoder(save_large_images_model(tmp_path_factory.mktemp("large")))


def save_large_images_model(folder: Path) -> Path:
    save_tiny_model("clip", folder)
    from transformers import CLIPModel  # noqa: PLC0415
    from transformers.models.clip.image_processing_pil_clip import (  # noqa: PLC0415
        CLIPImageProcessorPil,
    )

    tiny = CLIPConfig.from_pretrained(folder)
    text = {**tiny.text_config.to_dict(), **IDS}
    vision = {**tiny.vision_config.to_dict(), "image_size": SIDE, "patch_size": 32}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    return folder


def peak_bytes(model: ClipEncoder, images: list[PreparedImage]) -> int:
    """What encoding takes beyond the weights."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    model.encode_images(images)
    return torch.cuda.max_memory_allocated() - before


@contextmanager
def only(left: int) -> Iterator[None]:
    """No more than so many bytes are left of the card meanwhile."""
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(free - left, dtype=torch.uint8, device=DEVICE)
    try:
        yield
    finally:
        del taken
        torch.cuda.empty_cache()


@pytest.fixture(scope="module")
def images(model: ClipEncoder) -> list[PreparedImage]:
    few = prepared(model, range(16))
    return [few[number % len(few)] for number in range(MANY)]


@pytest.fixture(scope="module")
def enough(model: ClipEncoder, images: list[PreparedImage]) -> int:
    """For the smaller batch, and not for the larger one."""
    left = int(2.5 * peak_bytes(model, images[:FITTING]))
    assert peak_bytes(model, images) > 2 * left
    return left


def test_too_large_a_batch_is_distinguished_from_other_errors(
    model: ClipEncoder, images: list[PreparedImage], enough: int
) -> None:
    with only(enough):
        with pytest.raises(OutOfMemory):
            model.encode_images(images)
        assert np.isfinite(model.encode_images(images[:FITTING])).all()


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_batch_is_halved_until_it_fits_and_every_image_is_answered(
    model: ClipEncoder, images: list[PreparedImage], enough: int, *, overlapping: bool
) -> None:
    expected = model.encode_images(images[:16])
    sizes = []
    batcher = Batcher(
        {"image": model.encode_images},
        {"image": MANY},
        on_batch=lambda _, size, __: sizes.append(size),
        start=model.start if overlapping else {},
    )
    try:
        # What a thread's first batch takes for itself, once and for all, is not of the shortage.
        batcher.submit("image", images[0], PartRef()).result(PATIENCE_S)
        with only(enough):
            answers = [batcher.submit("image", image, PartRef()) for image in images]
            wait(answers, PATIENCE_S)
        found = np.array([answer.result(0) for answer in answers])
        # The first batch holds a few alone, as it waits for nobody, and the halves are odd then.
        assert FITTING // 4 <= batcher.sizes["image"] <= MANY // 2
        assert len(sizes) <= 8 * MANY // FITTING
        assert cosines(found, np.tile(expected, (MANY // 16, 1))).min() > 0.999
    finally:
        batcher.close(PATIENCE_S)


def test_after_the_shortage_the_batch_size_grows_back(
    model: ClipEncoder, images: list[PreparedImage], enough: int
) -> None:
    now = [0.0]
    batcher = Batcher({"image": model.encode_images}, {"image": MANY}, clock=lambda: now[0])
    try:
        batcher.submit("image", images[0], PartRef()).result(PATIENCE_S)
        with only(enough):
            wait([batcher.submit("image", image, PartRef()) for image in images], PATIENCE_S)
        assert batcher.sizes["image"] < MANY
        while (lowered := batcher.sizes["image"]) < MANY:
            now[0] += GROW_AFTER_S
            batcher.submit("image", images[0], PartRef()).result(PATIENCE_S)
            assert batcher.sizes["image"] == min(MANY, 2 * lowered)
    finally:
        batcher.close(PATIENCE_S)


def test_after_the_shortage_all_is_as_before(
    model: ClipEncoder, images: list[PreparedImage], enough: int
) -> None:
    with only(enough), pytest.raises(OutOfMemory):
        model.encode_images(images)
    assert np.isfinite(model.encode_images(images)).all()
