"""The ledger: what is true about jobs. Each transition is one Lua script, atomic and idempotent.

    queued → running → done | failed        and from the first two: → cancelled | expired

Times are epoch seconds of Redis' own clock, so that hosts need not agree on theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import orjson
from redis import Redis
from redis.client import PubSub
from redis.commands.core import Script

from common.protocol import (
    Item,
    PartAbout,
    PartResult,
    dump_items,
    dump_result,
    load_about,
    load_items,
    load_result,
)
from common.records import Admission, BegunPart, JobRecord, Load, LostPart, NewJob

DONE_CHANNEL = "clip:done"
SCRIPTS = Path(__file__).parent / "scripts"
REPAIR_LOCK_MS = 400
REPAIR_GRACE_S = 2.0
REPAIR_PARTS = 2000

RECORD_FIELDS = (
    *("owner", "kind", "state", "parts", "request", "error"),
    *("done", "failed", "created", "started", "finished"),
)


def blob_key(job: str, digest: str) -> str:
    return f"clip:blob:{job}:{digest}"


def job_key(job: str) -> str:
    return f"clip:job:{job}"


def jobs_key(owner: str) -> str:
    return f"clip:jobs:{owner}"


def part_key(job: str, part: int) -> str:
    return f"clip:part:{job}:{part}"


class Ledger:
    """The jobs in one Redis. Every method raises redis.exceptions.RedisError when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._create = load_script(redis, "create")
        self._begin = load_script(redis, "begin")
        self._finish = load_script(redis, "finish")
        self._stop = load_script(redis, "stop")
        self._keep = load_script(redis, "keep")
        self._forget = load_script(redis, "forget")
        self._strike = load_script(redis, "strike")
        self._repair = load_script(redis, "repair")

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
            "owner": job.owner,
            "kind": job.kind,
            "queue": job.queue,
            "request": orjson.dumps(job.request).decode(),
            "request_id": job.request_id,
            "ttl": job.ttl_s,
        }
        key = job.idempotency
        outcome, detail = self._create(
            args=[
                *(job.id, max_open_items, worker_ttl_s, job.lifetime_s),
                *(orjson.dumps(fields), orjson.dumps(parts), int(job.listed)),
                *((key.key, key.fingerprint) if key else ("", "")),
            ]
        )
        if outcome != b"created":
            self._drop_blobs(job.id, blobs)
        if isinstance(detail, bytes):
            return Admission(_text(outcome), job=_text(detail))  # type: ignore[arg-type]
        return Admission(_text(outcome), excess=detail)  # type: ignore[arg-type]

    def begin(self, job: str, part: int, worker: str) -> BegunPart | None:
        """Take a part in hand; None when it is finished or its job has ended."""
        answer = self._begin(args=[job, part, worker])
        if not answer:
            return None
        items, left, waited, strikes, tries = answer
        return BegunPart(load_items(items), float(left), float(waited), strikes, tries)

    def finish(self, job: str, part: int, items: Sequence[Item], result: PartResult) -> bool:
        """Store the result of a part; False when it was stored before or nobody wants it."""
        failed = [items[index] for index in result.about.faults]
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
        """Keep a job for longer after its end, and list it with its owner's."""
        self._keep(args=[job, ttl_s])

    def forget(self, job: str) -> bool:
        """End a job if need be and leave nothing of it; False when there is no such job."""
        return bool(self._forget(args=[job]))

    def strike(self, job: str, part: int) -> None:
        """Note that the model hung with this part in it."""
        self._strike(args=[job, part])

    def read(self, job: str) -> JobRecord | None:
        return self.read_all([job])[0]

    def read_all(self, jobs: Sequence[str]) -> list[JobRecord | None]:
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hmget(job_key(job), list(RECORD_FIELDS))
        return [_record(job, values) for job, values in zip(jobs, pipeline.execute(), strict=True)]

    def listed(self, owner: str, before: float, limit: int) -> list[tuple[str, float]]:
        """An owner's listed jobs created before an epoch time, newest first, with that time."""
        found = self._redis.zrevrangebyscore(
            jobs_key(owner), f"({before!r}", "-inf", start=0, num=limit, withscores=True
        )
        return [(_text(job), created) for job, created in cast("list[tuple[bytes, float]]", found)]

    def results(self, job: str, parts: Iterable[int]) -> list[PartResult | None]:
        """The stored results of some parts, None for each that has none."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hgetall(part_key(job, part))
        return [load_result(fields) if fields else None for fields in pipeline.execute()]

    def abouts(self, job: str, parts: Iterable[int]) -> list[PartAbout | None]:
        """What is known about some parts' results, without the results."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hget(part_key(job, part), "about")
        return [load_about(raw) if raw else None for raw in pipeline.execute()]

    def ended(self, jobs: Sequence[str]) -> list[bool]:
        """Which of these jobs have ended, or are not there (any more)."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(job_key(job), "state")
        return [state not in (b"queued", b"running") for state in pipeline.execute()]

    def hints(self) -> PubSub:
        """A subscription to the ids of jobs that end; losing a message costs at most a sweep."""
        channel: PubSub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        channel.subscribe(DONE_CHANNEL)
        return channel

    def is_wanted(self, job: str) -> bool:
        """Whether anybody still waits for this job's work."""
        return not self.ended([job])[0]

    def blobs(self, job: str, digests: Sequence[str]) -> list[bytes | None]:
        """Pictures' bytes; read, never taken, because a part may be delivered again."""
        if not digests:
            return []
        keys = [blob_key(job, digest) for digest in digests]
        return cast("list[bytes | None]", self._redis.mget(keys))

    def load(self) -> Load:
        open_items, drained = self._redis.mget(["clip:open-items", "clip:drained-items"])
        return Load(int(open_items or 0), int(drained or 0))

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


def _record(job: str, values: Sequence[bytes | None]) -> JobRecord | None:
    fields: dict[str, Any] = dict(zip(RECORD_FIELDS, values, strict=True))
    if fields["state"] is None:
        return None
    return JobRecord(
        id=job,
        owner=_text(fields["owner"]),
        kind=_text(fields["kind"]),
        state=_text(fields["state"]),  # type: ignore[arg-type]
        parts=int(fields["parts"]),
        request=orjson.loads(fields["request"]),
        error=_text(fields["error"] or b""),
        done=int(fields["done"]),
        failed=int(fields["failed"]),
        created=float(fields["created"]),
        started=None if fields["started"] is None else float(fields["started"]),
        finished=None if fields["finished"] is None else float(fields["finished"]),
    )


def _digests(part: Sequence[Item]) -> str:
    return " ".join(item.value for item in part if item.kind == "blob")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
