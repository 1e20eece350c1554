"""The ledger: what is true about jobs. Each transition is one Lua script, atomic and idempotent.

    queued → running → done | failed        and from the first two: → cancelled | expired

Times are epoch seconds of Redis' own clock, so that hosts need not agree on theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import orjson
from redis import Redis
from redis.commands.core import Script

from common.protocol import Item, PartResult, dump_items, dump_result, load_items, load_result

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
Admission: TypeAlias = Literal["created", "exists", "no_worker", "full"]

DONE_CHANNEL = "clip:done"
SCRIPTS = Path(__file__).parent / "scripts"
REPAIR_LOCK_MS = 400
REPAIR_GRACE_S = 2.0
REPAIR_PARTS = 2000


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be admitted; `parts` together hold its distinct items in order.

    `request` is whatever the API needs to make an answer of the embeddings later. The job is given
    up `lifetime_s` after it was created, and forgotten `ttl_s` after it ended.
    """

    id: str
    kind: str
    queue: str
    parts: Sequence[list[Item]]
    request: Mapping[str, Any]
    request_id: str
    lifetime_s: int
    ttl_s: int


@dataclass(frozen=True, slots=True)
class BegunPart:
    """A part in a worker's hand; `left_s` is the time until the job's deadline."""

    items: list[Item]
    left_s: float
    waited_s: float
    request_id: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What the ledger holds about a job, without its parts."""

    id: str
    kind: str
    state: State
    parts: int
    request: dict[str, Any]
    error: str

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "running")


@dataclass(frozen=True, slots=True)
class LostPart:
    """A part that must be sent again."""

    job: str
    part: int
    queue: str
    request_id: str


def blob_key(job: str, digest: str) -> str:
    return f"clip:blob:{job}:{digest}"


def job_key(job: str) -> str:
    return f"clip:job:{job}"


def part_key(job: str, part: int) -> str:
    return f"clip:part:{job}:{part}"


class Ledger:
    """The jobs in one Redis. Every method raises redis.exceptions.RedisError when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._create = self._script("create")
        self._begin = self._script("begin")
        self._finish = self._script("finish")
        self._stop = self._script("stop")
        self._keep = self._script("keep")
        self._repair = self._script("repair")

    def _script(self, name: str) -> Script:
        return load_script(self._redis, name)

    def create(
        self,
        job: NewJob,
        blobs: Mapping[str, bytes],
        *,
        max_open_items: int,
        worker_ttl_s: float,
    ) -> Admission:
        """Store pictures (by SHA-256) and job, if there is room.

        A `worker_ttl_s` above 0 asks for a worker that beat within that many seconds.
        """
        self._store_blobs(job, blobs)
        parts = [(dump_items(part).decode(), len(part), _digests(part)) for part in job.parts]
        fields = {
            "kind": job.kind,
            "queue": job.queue,
            "request": orjson.dumps(job.request).decode(),
            "request_id": job.request_id,
            "ttl": job.ttl_s,
        }
        limits = (max_open_items, worker_ttl_s, job.lifetime_s)
        answer = self._create(args=[job.id, *limits, orjson.dumps(fields), orjson.dumps(parts)])
        admission: Admission = _text(answer)  # type: ignore[assignment]
        if admission != "created":
            self._drop_blobs(job.id, blobs)
        return admission

    def begin(self, job: str, part: int, worker: str) -> BegunPart | None:
        """Take a part in hand; None when it is finished or its job has ended."""
        answer = self._begin(args=[job, part, worker])
        if not answer:
            return None
        items, left, waited, request_id = answer
        return BegunPart(load_items(items), float(left), float(waited), _text(request_id))

    def finish(self, job: str, part: int, items: Sequence[Item], result: PartResult) -> bool:
        """Store the result of a part; False when it was stored before or nobody wants it."""
        failed = [items[index] for index in result.faults]
        failed_queries = sum(item.queries for item in failed)
        counts = [
            sum(item.queries for item in items) - failed_queries,
            failed_queries,
            sum(item.required for item in failed),
        ]
        fields = [piece for pair in dump_result(result).items() for piece in pair]
        return bool(self._finish(args=[job, part, *counts, *fields]))

    def stop(self, job: str, state: Literal["cancelled", "failed", "expired"], error: str) -> bool:
        """End a job before its time; False when there is no such job or it had ended."""
        before = self._stop(args=[job, state, error])
        return before is not None and _text(before) in ("queued", "running")

    def keep(self, job: str, ttl_s: int) -> None:
        """Change for how long a job is kept after its end."""
        self._keep(args=[job, ttl_s])

    def read(self, job: str) -> JobRecord | None:
        names = ["kind", "state", "parts", "request", "error"]
        values = self._redis.hmget(job_key(job), names)
        if values[1] is None:
            return None
        kind, state, parts, request, error = (_text(value or b"") for value in values)
        return JobRecord(job, kind, state, int(parts), orjson.loads(request), error)  # type: ignore[arg-type]

    def results(self, job: str, parts: Iterable[int]) -> list[PartResult | None]:
        """The stored results of some parts, None for each that has none."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hgetall(part_key(job, part))
        return [load_result(fields) if fields else None for fields in pipeline.execute()]

    def ended(self, jobs: Sequence[str]) -> list[bool]:
        """Which of these jobs have ended, or are not there (any more)."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(job_key(job), "state")
        return [state not in (b"queued", b"running") for state in pipeline.execute()]

    def is_wanted(self, job: str) -> bool:
        """Whether anybody still waits for this job's work."""
        return not self.ended([job])[0]

    def blobs(self, job: str, digests: Sequence[str]) -> list[bytes | None]:
        """Pictures' bytes; read, never taken, because a part may be delivered again."""
        if not digests:
            return []
        keys = [blob_key(job, digest) for digest in digests]
        return cast("list[bytes | None]", self._redis.mget(keys))

    def repair(self) -> list[LostPart]:
        """Expire what is late and find what nobody works on; at most one caller at a time does."""
        lost = self._repair(args=[REPAIR_LOCK_MS, REPAIR_GRACE_S, REPAIR_PARTS])
        return [
            LostPart(_text(job), int(part), _text(queue), _text(request_id))
            for job, part, queue, request_id in lost
        ]

    def _store_blobs(self, job: NewJob, blobs: Mapping[str, bytes]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for digest, content in blobs.items():
            pipeline.set(blob_key(job.id, digest), content, ex=job.lifetime_s + 60)
        pipeline.execute()

    def _drop_blobs(self, job: str, blobs: Mapping[str, bytes]) -> None:
        if blobs:
            self._redis.unlink(*(blob_key(job, digest) for digest in blobs))


def load_script(redis: Redis, name: str) -> Script:
    """One script of the folder `scripts`, behind the prelude that all share."""
    source = "\n".join((SCRIPTS / f"{part}.lua").read_text() for part in ("prelude", name))
    return redis.register_script(source)


def _digests(part: Sequence[Item]) -> str:
    return " ".join(item.value for item in part if item.kind == "blob")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
