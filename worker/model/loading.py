"""The model of a worker: loaded, warmed up, with its batch size and concurrency."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from worker.model.encoder import Encoder
from worker.model.load_errors import load_errors
from worker.model.loaded_checkpoint import Checkpoint
from worker.model.precision import check_precision, sample_embeddings
from worker.model.source import Source
from worker.model.warmup import parts_at_once, warm_up
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from worker.model.placement import Placement

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A warm model, its batch size, and the number of parts to run at once."""

    encoder: Encoder
    batch_size: int
    concurrency: int


def load_encoder(settings: WorkerSettings) -> Encoder:
    """The encoder of the settings' checkpoint. Raises ModelLoadError."""
    # Torch takes seconds to load, and `celery status` does not need it.
    from worker.model.checkpoint import open_checkpoint  # noqa: PLC0415
    from worker.model.placement import choose_placement  # noqa: PLC0415

    source = Source(settings.model, settings.revision, settings.allow_pickle)
    with load_errors(source.name):
        placement = choose_placement(settings.device, settings.dtype)
    checkpoint = replace(open_checkpoint(source), name=settings.name)
    with load_errors(source.name, f"weights in {placement.precision}"):
        return _checked_encoder(checkpoint, placement, settings)


def _checked_encoder(
    checkpoint: Checkpoint, placement: "Placement", settings: WorkerSettings
) -> Encoder:
    """The encoder, whose embeddings on a CPU are near enough to those in float32."""
    from worker.model.clip_encoder import ClipEncoder  # noqa: PLC0415

    threads = settings.torch_threads
    in_float32 = None
    if placement.is_rounded:
        # First, because the encoder converts the weights in place.
        stock = ClipEncoder(checkpoint, "cpu", "float32", threads, accelerated=False)
        in_float32 = sample_embeddings(stock)
    encoder = ClipEncoder(
        checkpoint,
        placement.device,
        placement.precision,
        threads,
        accelerated=is_accelerated(settings, placement.device),
    )
    if in_float32:
        check_precision(encoder, in_float32, settings.min_cosine)
    return encoder


def is_accelerated(settings: WorkerSettings, device: str) -> bool:
    """Whether the settings want more than stock torch and transformers on a device."""
    switch = settings.cpu_acceleration if device == "cpu" else settings.gpu_acceleration
    return switch == "auto"


def load_model(load: Callable[[], Encoder], settings: WorkerSettings) -> LoadedModel:
    """Load the model and run it once. Raises ModelLoadError."""
    started = time.monotonic()
    encoder = load()
    log.info("model_loaded", model=encoder.info.name, seconds=round(time.monotonic() - started, 2))
    with load_errors(settings.model):
        warm_up(encoder)
    batch_size = settings.batch_size or encoder.batch_size
    concurrency = settings.concurrency or parts_at_once(batch_size, encoder.device)
    log.info(
        "model_warm",
        device=encoder.device,
        dtype=encoder.dtype,
        batch_size=batch_size,
        seconds=round(time.monotonic() - started, 2),
    )
    return LoadedModel(encoder, batch_size, concurrency)
