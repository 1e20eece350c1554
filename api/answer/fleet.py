"""The workers, their models and the readiness, for clients."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, Field

from api.answer.jobs import Timestamp
from api.dispatch.models import ServedModel, conflicting_models, is_ready
from common.fleet.heartbeats import Heartbeat
from common.ledger.records import timestamp


class WorkerGpu(BaseModel):
    """The GPU of a worker. Memory and utilization are those of all processes on it."""

    name: str
    memory_bytes: int
    used_bytes: int
    utilization_percent: int | None = Field(
        description="share of the last second or less in which it computed anything; null where "
        "`nvidia-ml-py` is not installed, or the driver does not tell"
    )


class Worker(BaseModel):
    """A live worker."""

    name: str
    node: str | None = Field(description="its name in Celery, as in `celery inspect` and Flower")
    model: str
    revision: str
    device: str
    dtype: str
    batch_size: int = Field(
        description="maximum images in a batch now; lower after a lack of memory"
    )
    configured_batch_size: int = Field(
        description="maximum images in a batch while memory suffices"
    )
    in_flight: int = Field(description="items submitted to the model and not finished")
    encoded_images: int | None = Field(
        description="images that its model encoded since `since`, none from the cache: the "
        "difference of two answers makes images per second"
    )
    encoded_texts: int | None = Field(
        description="texts that its model encoded since `since`, a label once for each template"
    )
    gpu: WorkerGpu | None = Field(description="null if the model runs on something else")
    queues: list[str] = Field(
        description="the queues that it consumes; synchronous work is in `interactive`"
    )
    since: Timestamp


class Workers(BaseModel):
    """All live workers, the oldest first."""

    workers: list[Worker]


class Resolution(BaseModel):
    """In pixels."""

    height: int
    width: int


class Model(BaseModel):
    """A model that requests may choose; null if no live worker serves it."""

    name: str
    is_default: bool = Field(description="whether requests that name no model use it")
    revision: str | None
    family: str | None
    format: str | None = Field(
        description="the format that its checkpoint was read from: `transformers` or `open_clip`"
    )
    dimension: int | None = Field(description="dimension of its embeddings")
    context_length: int | None = Field(description="maximum length of a text in tokens")
    resolution: Resolution | None = Field(
        description="size that images are resized to; also null if they keep their shape"
    )
    activation: Literal["softmax", "sigmoid"] | None = Field(
        description="what makes probabilities of its logits unless a request says otherwise"
    )
    precision: str | None
    not_finite_in: str | None = Field(
        description="the precision that was tried first, in which its embeddings are not finite; "
        "usually null"
    )
    workers: int = Field(description="live workers that serve it")


class ModelOfInfinity(BaseModel):
    """The same model as Infinity lists it, whose client reads this path too."""

    id: str
    object: Literal["model"]
    created: int = Field(description="epoch seconds, when its oldest live worker became ready")
    stats: dict[str, int]
    backend: str
    capabilities: list[str]


class Models(BaseModel):
    """The models of `CLIP_MODELS` in order, then others that live workers serve."""

    models: list[Model]
    object: Literal["list"]
    data: list[ModelOfInfinity]


class HealthNow(BaseModel):
    """Whether the service is ready, as clients of other services ask."""

    unix: float = Field(description="epoch seconds")
    status: Literal["ready", "not_ready"]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether a request would be served now, and if not, why."""

    status: Literal["ready", "not_ready"] = Field(
        description="`ready` when a live worker of the default model takes synchronous requests"
    )
    redis: bool
    workers: int = Field(description="live workers with a loaded model")
    models: list[str] = Field(description="the models that live workers serve")
    models_without_worker: list[str] = Field(description="those of `CLIP_MODELS` without a worker")
    conflicting_models: list[str] = Field(
        description="models that answer the same requests, because `CLIP_MODELS` does not name them"
    )


def workers(alive: Iterable[Heartbeat]) -> Workers:
    """The live workers, the oldest first."""
    return Workers(workers=[_worker(beat) for beat in sorted(alive, key=_age)])


def models(served: Sequence[ServedModel]) -> Models:
    """The models that requests may choose."""
    of_infinity = [_model_of_infinity(each) for each in served]
    return Models(models=[_model(each) for each in served], object="list", data=of_infinity)


def created(served: ServedModel) -> int:
    """When the oldest live worker of a model became ready, in epoch seconds; 0 if there is none."""
    return int(served.workers[0].since) if served.workers else 0


def readiness(served: Sequence[ServedModel], *, redis: bool) -> Readiness:
    """Whether a request would be served; none is while Redis is away."""
    alive = [beat for each in served for beat in each.workers]
    return Readiness(
        status="ready" if is_ready(served) else "not_ready",
        redis=redis,
        workers=len(alive),
        models=sorted(each.name for each in served if each.workers),
        models_without_worker=sorted(each.name for each in served if not each.workers),
        conflicting_models=conflicting_models(alive),
    )


def _age(beat: Heartbeat) -> tuple[float, str]:
    return beat.since, beat.name


def _worker(beat: Heartbeat) -> Worker:
    return Worker(
        name=beat.name,
        node=beat.node,
        model=beat.model.name,
        revision=beat.model.revision,
        device=beat.device,
        dtype=beat.dtype,
        batch_size=beat.batch_size,
        configured_batch_size=beat.configured_batch_size or beat.batch_size,
        in_flight=beat.in_flight,
        encoded_images=beat.encoded_images,
        encoded_texts=beat.encoded_texts,
        gpu=beat.gpu and WorkerGpu(**asdict(beat.gpu)),
        queues=sorted(beat.consumed_queues),
        since=timestamp(beat.since),
    )


def _model_of_infinity(served: ServedModel) -> ModelOfInfinity:
    return ModelOfInfinity(
        id=served.name,
        object="model",
        created=created(served),
        stats={},
        backend="",
        capabilities=["embed", "image_embed"],
    )


def _model(served: ServedModel) -> Model:
    """A model as described by the worker that started last."""
    beat = served.workers[-1] if served.workers else None
    traits = beat.traits if beat else None
    size = traits.resolution if traits else None
    return Model(
        name=served.name,
        is_default=served.is_default,
        revision=beat and beat.model.revision,
        family=traits and traits.family,
        format=traits and traits.format,
        dimension=beat and beat.model.dimension,
        context_length=traits and traits.context_length,
        resolution=size and Resolution(height=size[0], width=size[1]),
        activation=beat and beat.model.activation,
        precision=beat and beat.dtype,
        not_finite_in=traits and traits.not_finite_in,
        workers=len(served.workers),
    )
