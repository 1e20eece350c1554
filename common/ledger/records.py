"""The records of the ledger: what its methods take and return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from common.protocol.messages import Count, Item, Priority
from common.protocol.records import CorruptRecord, first_fault

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
Kind: TypeAlias = Literal["rank", "encode", "label_set"]
Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
EpochTime: TypeAlias = Annotated[float, Field(ge=0, lt=253_402_300_800)]  # before the year 10000
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled", "expired")
RECORD_FIELDS = (
    *("owner", "kind", "state", "parts", "request", "error"),
    *("done", "failed", "created", "started", "finished", "callback"),
)


def timestamp(epoch_s: float | None) -> str | None:
    """ISO 8601 in UTC."""
    if epoch_s is None:
        return None
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Scoring:
    """How scores are made of the embeddings.

    `temperature` divides the logits, `activation` overrides the model's, and `top_k` adds a
    ranking.
    """

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Field(ge=1)] | None = None
    activation: Activation | None = None


PLAIN = Scoring()


@dataclass(frozen=True, slots=True)
class LabelSetVersion:
    """One version of a label set."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What the ledger keeps of a request, to make an answer of the embeddings.

    `lists` maps the JSON Pointer of each list in the request to the indices of its items among the
    distinct ones. `kinds` has a letter for each distinct item (t, u or b; d for the bytes of a
    data: URI), `sizes` the number of items in each part. `label_set` replaces the candidates; if
    its embeddings were not stored, its candidates are among the items. `model` is the one that must
    run the job; empty for any. The client's `metadata` is given back with the job.
    """

    lists: Mapping[str, Sequence[int]]
    kinds: str
    sizes: Sequence[int]
    scoring: Scoring = PLAIN
    label_set: LabelSetVersion | None = None
    model: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An idempotency key, and a fingerprint of the request that used it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Callback:
    """A job's webhook: its URL, the job's number of queries, the requested model or '', and links.

    The links and metadata are those of the job, to be sent as they are.
    """

    url: str
    total: int
    asked_for: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be admitted; its `parts` together hold its distinct items in order.

    The job expires `lifetime_s` after its creation, and is deleted `ttl_s` after its end. `owner`
    identifies the API key that made it; empty if no keys are configured. `model` is the one that
    must do it; empty if any model of the `model_queue` may. `trace` is a W3C traceparent, or empty.
    `labels` are those of its candidates, unless a label set has them.
    """

    id: str
    kind: Kind
    priority: Priority
    parts: Sequence[list[Item]]
    request: RequestRecord
    request_id: str
    lifetime_s: int
    ttl_s: int
    owner: str = ""
    model: str = ""
    model_queue: str = ""
    idempotency: Idempotency | None = None
    trace: str = ""
    callback: Callback | None = None
    labels: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a new job was admitted.

    `job` is its id, or that of an earlier job with the same idempotency key. `excess` is the number
    of items beyond the limit of the queue; all of them if Redis is full. `blobs_lost` means that
    Redis lost its data after the images were stored.
    """

    outcome: Literal["created", "same", "other", "no_worker", "full", "blobs_lost"]
    job: str = ""
    excess: int = 0


@dataclass(frozen=True, slots=True)
class BegunPart:
    """A part that a worker has begun.

    `left_s` is the time until the job's deadline, `waited_s` the time since its creation. `strikes`
    counts how often the model hung on the part, `tries` how often it was begun before. `blobs` are
    its images by Item.blob; None for an image that is gone. The `owner` is that of the job.
    """

    items: list[Item]
    blobs: Mapping[str, bytes | None]
    left_s: float
    waited_s: float
    strikes: int = 0
    tries: int = 0
    priority: Priority = Priority.INTERACTIVE
    request_id: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job without its parts. Times are epoch seconds.

    `done` and `failed` count queries; `callback` is the URL of its webhook, if any.
    """

    id: str
    owner: str
    kind: Kind
    state: State
    parts: Count
    request: RequestRecord
    error: str
    done: Count
    failed: Count
    created: EpochTime
    started: EpochTime | None
    finished: EpochTime | None
    callback: str = ""

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "running")


REQUEST: TypeAdapter[RequestRecord] = TypeAdapter(RequestRecord)
RECORD = TypeAdapter(JobRecord)


def load_record(job: str, fields: Mapping[str, str | None]) -> JobRecord | None:
    """A job from its RECORD_FIELDS; None if there is no such job. Raises CorruptRecord."""
    if fields["state"] is None:
        return None
    texts = {name: fields[name] or "" for name in ("owner", "error", "callback")}
    try:
        request = REQUEST.validate_json(fields["request"] or "")
        return RECORD.validate_python({**fields, **texts, "id": job, "request": request})
    except ValidationError as error:
        raise CorruptRecord(first_fault(error)) from None


@dataclass(frozen=True, slots=True)
class PartMessage:
    """A part to send to a queue, and the id of its request."""

    job: str
    part: int
    queue: str
    request_id: str

    @property
    def task_id(self) -> str:
        """The id of the Celery task."""
        return f"{self.job}:{self.part}"


@dataclass(frozen=True, slots=True)
class Load:
    """The number of open items, and of all items that were ever closed."""

    open_items: int
    drained_items: int
