"""A job, for clients: in full, in a list, and when it is accepted."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, WithJsonSchema

from api.access.proxies import job_links
from api.answer.rendering import RankResponse, render
from api.answer.results import Outcome
from api.answer.scoring import Units
from api.errors import DeadlineExceeded, ItemFault, JobCancelled
from api.problem_details import FaultBody, to_json
from common.errors import ClipError
from common.ledger.records import JobRecord, Kind, LabelSetVersion, State, timestamp
from common.webhooks.outbox import Delivery, DeliveryState

ENDINGS: dict[str, type[ClipError]] = {"cancelled": JobCancelled, "expired": DeadlineExceeded}
# The list of a request whose items its progress counts.
COUNTED = {"rank": "/queries", "encode": "", "label_set": "/candidates"}
Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class Links(BaseModel):
    """Related resources."""

    self: str
    cancel: str


class Accepted(BaseModel):
    """The job continues; ask at `links.self`, as in the header `Location`."""

    id: str
    status: State
    links: Links


class Progress(BaseModel):
    """Counts queries (items, for `/encode`)."""

    total: int
    done: int
    failed: int


class JobSummary(BaseModel):
    """A job in a list. Times are ISO 8601 in UTC."""

    id: str
    kind: Kind
    status: State
    progress: Progress
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    links: Links
    metadata: dict[str, str] = Field(description="that of the request")


class JobModel(BaseModel):
    """The model of the embeddings; before there are any, the model that was requested."""

    name: str
    revision: str | None


class JobTimings(BaseModel):
    """The time spent, in seconds, in the part that took longest."""

    queue_s: float
    fetch_s: float
    decode_s: float
    inference_s: float


class CallbackDelivery(BaseModel):
    """The state of the webhook.

    The URL is shown to the owner of an API key; where there are none, no more than its host.
    """

    url: str
    state: DeliveryState
    attempts: int
    last_status: int | None = Field(description="the last response's status, if there was one")
    last_error: str | None = Field(
        description="why there was no response", examples=["fetch_timeout"]
    )
    next_attempt_at: Timestamp | None


class Job(JobSummary):
    """A job in full. `result` is there once it is done: the answer to the request."""

    label_set: LabelSetVersion | None = Field(
        default=None, description="only if the request named a label set"
    )
    labels: list[str | None] | None = Field(
        default=None,
        description="only for `/rank`: the labels of the candidates in the order of the columns of "
        "`result`, each its text as it was sent, or its URL, or `null` for an image in base64; "
        "`null` if they are not known",
    )
    model: JobModel | None
    callback: CallbackDelivery | None = Field(
        default=None, description="only if the request named a `callback_url`"
    )
    timings: JobTimings
    errors: list[FaultBody]
    truncated: list[str] = Field(description="JSON Pointers of texts that were truncated")
    transparent: list[str] = Field(description="JSON Pointers of images that are not opaque")
    result: RankResponse | list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """What is stored of a job elsewhere: the state of its webhook, the labels of its candidates."""

    callback: CallbackDelivery | None
    labels: list[str | None] | None


class JobList(BaseModel):
    """A page of jobs, newest first; `next` is the cursor of the next page, if there is one."""

    jobs: list[JobSummary]
    next: str | None


def summary(record: JobRecord, prefix: str) -> JobSummary:
    """A job in a list; `prefix` is the path at which proxies serve the API."""
    total = len(record.request.lists[COUNTED[record.kind]])
    return JobSummary(
        id=record.id,
        kind=record.kind,
        status=record.state,
        progress=Progress(total=total, done=record.done, failed=record.failed),
        created_at=timestamp(record.created),
        started_at=timestamp(record.started),
        finished_at=timestamp(record.finished),
        links=Links.model_validate(job_links(record.id, prefix)),
        metadata=dict(record.request.metadata),
    )


def job(outcome: Outcome, prefix: str, details: Details) -> Job:
    """A job in full, without its result."""
    ending = ENDINGS.get(outcome.record.state)
    faults = outcome.item_faults()
    if ending:
        faults.append(ItemFault("", ending.code, ending.title))
    document = Job(
        **dict(summary(outcome.record, prefix)),
        model=_model(outcome),
        timings=JobTimings(**{f"{name}_s": each for name, each in asdict(outcome.timings).items()}),
        errors=[FaultBody(**fault.as_dict()) for fault in faults],
        truncated=outcome.truncated_pointers(),
        transparent=outcome.transparent_pointers(),
    )
    if outcome.label_set:
        document.label_set = outcome.label_set
    if outcome.record.kind == "rank":
        document.labels = details.labels
    if details.callback:
        document.callback = details.callback
    return document


def stream(
    outcome: Outcome, candidates: Units | None, prefix: str, details: Details
) -> Iterator[bytes]:
    """A job in full, its result last and in pieces: it may be larger than the memory."""
    head = to_json(job(outcome, prefix, details)).removesuffix(b"}\n")
    if outcome.record.state != "done":
        yield head + b"}"
        return
    outcome.check_complete()
    yield head + b',"result":'
    yield from render(outcome, candidates)
    yield b"}"


def callback(record: JobRecord, delivery: Delivery | None) -> CallbackDelivery:
    """The state of a job's webhook, for clients; `delivery` is None before the job has ended.

    A URL may hold secrets. Without API keys every client may see the job, and is shown no
    more of it than its host.
    """
    parts = urlsplit(record.callback)
    nothing: DeliveryState = "failed" if record.has_ended else "pending"  # given up long ago
    return CallbackDelivery(
        url=record.callback if record.owner else f"{parts.scheme}://{parts.netloc}",
        state=delivery.state if delivery else nothing,
        attempts=delivery.attempts if delivery else 0,
        last_status=delivery.status if delivery else None,
        last_error=(delivery.error or None) if delivery else None,
        next_attempt_at=timestamp(delivery.next) if delivery else None,
    )


def _model(outcome: Outcome) -> JobModel | None:
    made_by = outcome.model
    if made_by:
        return JobModel(name=made_by.name, revision=made_by.revision)
    return JobModel(name=outcome.asked_for, revision=None) if outcome.asked_for else None
