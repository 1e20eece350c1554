"""The model of a worker: loaded, warmed up, with its batch size and concurrency."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from worker.model.encoder import Encoder
from worker.model.load_errors import load_errors
from worker.model.source import Source
from worker.model.warmup import parts_at_once, warm_up
from worker.settings import WorkerSettings

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
    from worker.model.clip_encoder import ClipEncoder  # noqa: PLC0415

    source = Source(settings.model, settings.revision, settings.allow_pickle)
    checkpoint = replace(open_checkpoint(source), name=settings.name)
    with load_errors(source.name):
        return ClipEncoder(
            checkpoint,
            settings.device,
            settings.dtype,
            settings.torch_threads,
            accelerated=settings.cpu_acceleration == "auto",
        )


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
