"""The service's answers as models. Unknown keys are ignored."""

from datetime import datetime
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from clip_api_client.errors import UnexpectedAnswer
from clip_api_client.queries import Alpha
from clip_api_client.steps import Response

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
ENDED = frozenset[str]({"done", "failed", "cancelled", "expired"})

Answer = TypeVar("Answer")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FaultBody(_Answer):
    pointer: str
    code: str
    detail: str


class Problem(_Answer):
    """The one shape of every error (RFC 9457)."""

    title: str = ""
    detail: str = ""
    code: str
    errors: list[FaultBody] | None = None


class RankAnswer(_Answer):
    """Both matrices have a row for each query and a column for each candidate."""

    probabilities: list[list[float] | None]
    cosine_similarities: list[list[float] | None]
    errors: list[FaultBody] | None = None


class Accepted(_Answer):
    id: str


class JobProgress(_Answer):
    """Counts queries (items, for `encode`)."""

    total: int
    done: int
    failed: int


class NamedModel(_Answer):
    """The model that made the embeddings; before that, the requested model."""

    name: str
    revision: str | None


class JobTimings(_Answer):
    """Where the time went, in seconds; the largest value of any part."""

    queue_s: float
    fetch_s: float
    decode_s: float
    inference_s: float


class JobDocument(_Answer):
    """A job's document. In a list, the fields after `metadata` are missing.

    `labels` are the names of a ranking's candidates, None for images that have none; all of it is
    None if the service does not know them.
    """

    id: str
    kind: str
    status: State
    progress: JobProgress
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    metadata: dict[str, str] = {}
    model: NamedModel | None = None
    timings: JobTimings | None = None
    errors: list[FaultBody] = []
    truncated: list[str] = []
    transparent: list[str] = []
    labels: list[str | None] | None = None
    result: RankAnswer | list[list[float]] | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def took_s(self) -> float | None:
        """The seconds from its start to its end; None before that."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class JobPage(_Answer):
    """A page of jobs, newest first; `next` is the cursor of the next page, if there is one."""

    jobs: list[JobDocument]
    next: str | None


class LabelSet(_Answer):
    """Candidates stored on the service; the version is a hash of their content.

    In a list, only the first four fields are there. A label is the candidate's text or URL; None
    for an image that was sent in base64. `candidates` are the items as they were put, without the
    bytes of images; None if the service does not tell them.
    """

    name: str
    version: str
    count: int
    created_at: datetime
    labels: list[str | None] = []
    templates: list[str] = []
    candidates: list[dict[str, str | None]] | None = None
    alpha: Alpha | None = None
    models: list[NamedModel] = []


class LabelSets(_Answer):
    label_sets: list[LabelSet]


class WorkerGpu(_Answer):
    """The GPU of a worker. Memory and utilization are those of all processes on it."""

    name: str
    memory_bytes: int
    used_bytes: int
    utilization_percent: int | None = None


class Worker(_Answer):
    """A live worker: `node` is its name in Celery; it has encoded so much since `since`.

    These are None for workers of earlier releases.
    """

    name: str
    node: str | None = None
    model: str
    revision: str
    device: str
    dtype: str
    batch_size: int
    configured_batch_size: int | None = None
    in_flight: int
    encoded_images: int | None = None
    encoded_texts: int | None = None
    gpu: WorkerGpu | None = None
    queues: list[str]
    since: datetime


class Workers(_Answer):
    workers: list[Worker]


class Resolution(_Answer):
    """In pixels."""

    height: int
    width: int


class Model(_Answer):
    """A model that requests may choose; fields are None without a live worker."""

    name: str
    is_default: bool
    revision: str | None
    family: str | None
    format: str | None
    dimension: int | None
    context_length: int | None
    resolution: Resolution | None
    activation: str | None = None
    precision: str | None
    not_finite_in: str | None = None
    workers: int


class Models(_Answer):
    models: list[Model]


class Readiness(_Answer):
    """Whether the service can serve a request, and why not."""

    status: Literal["ready", "not_ready"]
    redis: bool
    workers: int
    models: list[str]
    models_without_worker: list[str]
    conflicting_models: list[str]

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


VECTORS = TypeAdapter(list[list[float]])


def read(response: Response, kind: type[Answer] | TypeAdapter[Answer]) -> Answer:
    """The body of an answer as a model. Raises UnexpectedAnswer if it does not fit."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_json(response.body)
    except ValidationError as error:
        shown = response.body[:100].decode(errors="replace")
        detail = f"{UnexpectedAnswer.title}; its answer begins with {shown!r}"
        raise UnexpectedAnswer(detail, status=response.status) from error
