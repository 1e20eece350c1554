"""The model of a worker: loaded, warmed up, with its batch size and concurrency."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from worker.model.encoder import Encoder
from worker.model.load_errors import ModelLoadError, load_errors
from worker.model.loaded_checkpoint import Checkpoint
from worker.model.precision import check_precision, sample_embeddings
from worker.model.source import Source
from worker.model.warmup import parts_at_once, warm_up
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from worker.model.clip_encoder import ClipEncoder
    from worker.model.placement import Placement

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A warm model, its batch size, and the number of parts to run at once."""

    encoder: Encoder
    batch_size: int
    concurrency: int


class NotFinite(ModelLoadError):
    """Its embeddings are infinite or NaN."""


def load_encoder(settings: WorkerSettings) -> Encoder:
    """The encoder of the settings' checkpoint, whose sample embeddings are finite.

    If they are not in the precision of `auto`, float32 is tried. Raises ModelLoadError.
    """
    # Torch takes seconds to load, and `celery status` does not need it.
    from worker.model.placement import choose_placement  # noqa: PLC0415

    with load_errors(settings.model):
        placement = choose_placement(settings.device, settings.dtype)
    try:
        return _load_encoder(placement, settings)
    except NotFinite as error:
        if settings.dtype != "auto" or placement.precision == "float32":
            raise
        log.warning("embeddings_not_finite", dtype=placement.precision, reason=str(error))
    # Again from its files, because the weights were rounded in place.
    encoder = _load_encoder(replace(placement, precision="float32"), settings)
    encoder.traits = replace(encoder.traits, not_finite_in=placement.precision)
    return encoder


def _load_encoder(placement: "Placement", settings: WorkerSettings) -> "ClipEncoder":
    from worker.model.checkpoint import open_checkpoint  # noqa: PLC0415

    source = Source(settings.model, settings.revision, settings.allow_pickle)
    checkpoint = replace(
        open_checkpoint(source), name=settings.name, context=settings.context_length
    )
    with load_errors(source.name, f"weights in {placement.precision}"):
        try:
            return _checked_encoder(checkpoint, placement, settings)
        except FloatingPointError as error:
            raise NotFinite(_why_not_finite(checkpoint, placement.precision)) from error


def _checked_encoder(
    checkpoint: Checkpoint, placement: "Placement", settings: WorkerSettings
) -> "ClipEncoder":
    """The encoder, whose embeddings on a CPU are near enough to those in float32.

    Raises FloatingPointError: they are not finite.
    """
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
    embeddings = sample_embeddings(encoder)
    if in_float32:
        check_precision(encoder.dtype, embeddings, in_float32, settings.min_cosine)
    return encoder


def is_accelerated(settings: WorkerSettings, device: str) -> bool:
    """Whether the settings want more than stock torch and transformers on a device."""
    switch = settings.cpu_acceleration if device == "cpu" else settings.gpu_acceleration
    return switch == "auto"


def _why_not_finite(checkpoint: Checkpoint, precision: str) -> str:
    weights = checkpoint.model.named_parameters()
    broken = {name: weight for name, weight in weights if not weight.isfinite().all()}
    if broken:
        example = next(iter(broken))
        described = f"{len(broken)} of its weights hold infinity or NaN, such as {example}"
    else:
        described = "they overflow"
    # Infinity may be a weight that was rounded, NaN was in the file.
    is_hopeless = any(weight.isnan().any() for weight in broken.values())
    advice = "" if precision == "float32" or is_hopeless else "; set CLIP_DTYPE=float32"
    return f"its embeddings in {precision} are not finite: {described}{advice}"


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
