"""What the ledger takes in and gives out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from common.protocol import FORMAT, Broken, Count, Item, Later, first_fault

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
EpochTime: TypeAlias = Annotated[float, Field(ge=0, lt=253_402_300_800)]  # before the year 10000
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled", "expired")
RECORD_FIELDS = (
    *("owner", "kind", "state", "parts", "request", "error"),
    *("done", "failed", "created", "started", "finished", "format", "callback"),
)


def timestamp(epoch_s: float | None) -> str | None:
    """ISO 8601 in UTC."""
    if epoch_s is None:
        return None
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


def links(job: str) -> dict[str, str]:
    """Where a job is to be found."""
    own = f"/jobs/{job}"
    return {"self": own, "cancel": f"{own}/cancel"}


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key for a request, and what tells this request from others."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Callback:
    """Where the end of a job is told; `total` queries it has, `asked_for` a model or nothing."""

    url: str
    total: int
    asked_for: str = ""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be admitted; `parts` together hold its distinct items in order.

    `request` is whatever the API needs to make an answer of the embeddings later. The job is given
    up `lifetime_s` after it was created, and forgotten `ttl_s` after it ended. A `listed` job is
    one that somebody may come back to. The `owner` stands for the API key that made it, and is
    empty where no keys are asked for. The `model` is the one that must do it; empty where any will
    do whose workers take parts from the queue. The `trace` is a W3C traceparent, or empty. The
    `waiter` is the one process that waits for its end; empty where any may.
    """

    id: str
    kind: str
    queue: str
    parts: Sequence[list[Item]]
    request: Mapping[str, Any]
    request_id: str
    lifetime_s: int
    ttl_s: int
    owner: str = ""
    listed: bool = False
    model: str = ""
    idempotency: Idempotency | None = None
    trace: str = ""
    callback: Callback | None = None
    waiter: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a new job.

    `job` is the job's own id, or that of an earlier one with the same idempotency key; `excess` is
    by how many items the queue was too full, or all where Redis itself is. `emptied` is a Redis
    that lost the job's pictures. Of a job that is `recalled` from the cache, `found` is what
    Question.answer makes its result of.
    """

    outcome: Literal["created", "recalled", "same", "other", "no_worker", "full", "emptied"]
    job: str = ""
    excess: int = 0
    found: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class BegunPart:
    """A part in a worker's hand.

    `left_s` is the time until the job's deadline, `waited_s` that since it was created. `strikes`
    counts how often the model hung with the part in it, `tries` how often it was begun before.
    `blobs` are its pictures' bytes by SHA-256, where they are still there.
    """

    items: list[Item]
    blobs: Mapping[str, bytes | None]
    left_s: float
    waited_s: float
    strikes: int = 0
    tries: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What the ledger holds about a job, without its parts. Times are epoch seconds.

    `done` and `failed` count queries; `callback` is the URL that is told of its end, if any.
    """

    id: str
    owner: str
    kind: str
    state: State
    parts: Count
    request: dict[str, Any]
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


RECORD = TypeAdapter(JobRecord)


def load_record(job: str, fields: Mapping[str, str | None]) -> JobRecord | None:
    """A job of its RECORD_FIELDS in Redis; None when there is no such job.

    Raises:
        Later: it was written by a later release, in a format of its own.
        Broken: it is no job.
    """
    if fields["state"] is None:
        return None
    written_in = fields["format"] or "1"
    if written_in.isdecimal() and int(written_in) > FORMAT:
        raise Later(f"the job is of format {written_in}")
    try:
        request = orjson.loads(fields["request"] or "")
        texts = {name: fields[name] or "" for name in ("owner", "error", "callback")}
        told = {name: value for name, value in fields.items() if name != "format"}
        return RECORD.validate_python({**told, **texts, "id": job, "request": request})
    except ValidationError as fault:
        raise Broken(first_fault(fault)) from None
    except orjson.JSONDecodeError:
        raise Broken("request: is no JSON") from None


@dataclass(frozen=True, slots=True)
class LostPart:
    """A part that must be sent again."""

    job: str
    part: int
    queue: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Load:
    """Items accepted and unfinished, and items that ever left that state."""

    open_items: int
    drained_items: int
