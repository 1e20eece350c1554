"""The ledger: what is true about jobs. Each transition is one Lua script, atomic and idempotent.

    queued → running → done | failed        and from the first two: → cancelled | expired

Times are epoch seconds of Redis' own clock, so that hosts need not agree on theirs.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import orjson
import structlog
from redis import Redis
from redis.client import PubSub
from redis.commands.core import Script
from redis.exceptions import NoScriptError, OutOfMemoryError

from common.errors import JobLost, LaterRelease
from common.messages import message
from common.protocol import (
    FORMAT,
    MAX_PARTS,
    Broken,
    Item,
    Later,
    PartAbout,
    PartResult,
    dump_items,
    dump_result,
    load_about,
    load_items,
    load_result,
    split_queue,
)
from common.records import (
    RECORD_FIELDS,
    Admission,
    BegunPart,
    Callback,
    JobRecord,
    Load,
    LostPart,
    NewJob,
    load_record,
)

log = structlog.get_logger()

DONE_CHANNEL = "clip:done"
SCRIPTS = Path(__file__).parent / "scripts"
REPAIR_LOCK_MS = 400
REPAIR_GRACE_S = 2.0
REPAIR_PARTS = 2000

Checked = TypeVar("Checked")


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
        self._create = load_script(redis, "embeddings", "recall", "create")
        self._begin = load_script(redis, "begin")
        self._finish = load_script(redis, "embeddings", "finish")
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
        asked: Sequence[str | int | bytes] = (),
    ) -> Admission:
        """Store pictures (by SHA-256) and job, and send its parts, if there is room.

        A `worker_ttl_s` above 0 asks for a worker that beat within that many seconds: one that
        takes parts from the job's queue, and serves its model where the job names one. What is
        `asked` of the cache (see Question.arguments) may make a job that is done already.
        """
        parts = [(dump_items(part).decode(), len(part), _digests(part)) for part in job.parts]
        fields = {
            "owner": job.owner,
            "kind": job.kind,
            "queue": job.queue,
            "request": orjson.dumps(job.request).decode(),
            "request_id": job.request_id,
            "ttl": job.ttl_s,
            "format": FORMAT,
            **({"trace": job.trace} if job.trace else {}),
            **({"waiter": job.waiter} if job.waiter else {}),
            **_callback_fields(job.callback),
        }
        key = job.idempotency
        arguments = [
            *(job.id, max_open_items, worker_ttl_s, job.lifetime_s),
            *(orjson.dumps(fields), orjson.dumps(parts), int(job.listed)),
            *((key.key, key.fingerprint) if key else ("", "")),
            *(job.model, split_queue(job.queue)[1], job.queue),
            *(message(job.id, n, job.queue, job.request_id) for n in range(len(parts))),
            *asked,
        ]
        try:
            outcome, detail, *found = self._store(job, blobs, arguments)
        except OutOfMemoryError:  # Redis holds as much as its maxmemory allows
            outcome, detail, *found = b"full", sum(len(part) for part in job.parts)
        if outcome not in (b"created", b"recalled"):
            self._drop_blobs(job.id, blobs)
        if isinstance(detail, bytes):
            return Admission(_text(outcome), job=_text(detail), found=tuple(found))  # type: ignore[arg-type]
        return Admission(_text(outcome), excess=detail)  # type: ignore[arg-type]

    def begin(self, job: str, part: int, worker: str) -> BegunPart | None:
        """Take a part in hand; None when it is finished or its job has ended.

        Raises:
            Later: a worker of a later release must do it; it stays as it is, and is sent again.
            Broken: somebody else wrote into the job.
        """
        answer = self._begin(args=[job, part, worker, FORMAT])
        if not answer:
            return None
        if isinstance(answer, int):
            raise Later(f"the job is of format {answer}")
        raw, left, waited, strikes, tries, *contents = answer
        items = load_items(raw)
        digests = [item.value for item in items if item.kind == "blob"]
        blobs = dict(zip(digests, contents, strict=False))
        return BegunPart(items, blobs, _number(left), _number(waited), strikes, tries)

    def finish(
        self,
        job: str,
        part: int,
        items: Sequence[Item],
        result: PartResult,
        cached: Sequence[str | int | bytes] = (),
    ) -> bool:
        """Store the result of a part; False when it was stored before or nobody wants it.

        Whether or not, what is `cached` of it (see EmbeddingCache.entries) goes to the cache.
        """
        failed = [items[index] for index in result.about.faults]
        failed_queries = sum(item.queries for item in failed)
        counts = [
            sum(item.queries for item in items) - failed_queries,
            failed_queries,
            sum(item.required for item in failed),
        ]
        fields = dump_result(result)
        told = (fields["vectors"], fields["about"], *cached)
        return bool(self._finish(args=[job, part, *counts, *told]))

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
        """One job; None when there is no such job.

        Raises:
            LaterRelease: it was written by a later release, in a format of its own.
            JobLost: what is there is no job.
        """
        return _read(job, self._redis.hmget(job_key(job), list(RECORD_FIELDS)))

    def read_whole(self, job: str, parts: int) -> tuple[JobRecord | None, list[PartResult | None]]:
        """One job of so many parts, and their results: one round trip.

        Raises:
            LaterRelease, JobLost: as `read` does.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(job_key(job), list(RECORD_FIELDS))
        for part in range(parts):
            pipeline.hgetall(part_key(job, part))
        values, *results = pipeline.execute(raise_on_error=False)
        if isinstance(values, Exception):
            raise values
        return _read(job, values), [
            None if isinstance(fields, Exception) else _result(fields) for fields in results
        ]

    def read_all(self, jobs: Sequence[str]) -> list[JobRecord | None]:
        """Several jobs; None for each that is not there, or is no job."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hmget(job_key(job), list(RECORD_FIELDS))
        answers = pipeline.execute(raise_on_error=False)
        return [
            None if isinstance(values, Exception) else _checked(_record, job, values)
            for job, values in zip(jobs, answers, strict=True)
        ]

    def listed(self, owner: str, before: float, limit: int) -> list[tuple[str, float]]:
        """An owner's listed jobs created before an epoch time, newest first, with that time."""
        found = self._redis.zrevrangebyscore(
            jobs_key(owner), f"({before!r}", "-inf", start=0, num=limit, withscores=True
        )
        return [(_text(job), created) for job, created in cast("list[tuple[bytes, float]]", found)]

    def results(self, job: str, parts: Iterable[int]) -> list[PartResult | None]:
        """The stored results of some parts, None for each that has none, or a broken one."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hgetall(part_key(job, part))
        return [_result(fields) for fields in pipeline.execute()]

    def abouts(self, job: str, parts: Iterable[int]) -> list[PartAbout | None]:
        """What is known about some parts' results, without the results."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hget(part_key(job, part), "about")
        return [_checked(load_about, raw) if raw else None for raw in pipeline.execute()]

    def ended(self, jobs: Sequence[str]) -> list[bool]:
        """Which of these jobs have ended, or are not there (any more)."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(job_key(job), "state")
        return [state not in (b"queued", b"running") for state in pipeline.execute()]

    def hints(self, waiter: str) -> PubSub:
        """A subscription to news (see common.news) of jobs that end; losing one costs a sweep.

        Of those that were made for a `waiter`, and of those that any may wait for.
        """
        channel: PubSub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        channel.subscribe(DONE_CHANNEL, f"{DONE_CHANNEL}:{waiter}")
        return channel

    def trace_of(self, job: str) -> str:
        """The W3C traceparent of the request that made a job; empty where it was not traced."""
        return _text(cast("bytes | None", self._redis.hget(job_key(job), "trace")) or b"")

    def is_wanted(self, job: str) -> bool:
        """Whether anybody still waits for this job's work."""
        return not self.ended([job])[0]

    def load(self) -> Load:
        open_items, drained = self._redis.mget(["clip:open-items", "clip:drained-items"])
        return Load(int(open_items or 0), int(drained or 0))

    def repair(self) -> list[LostPart]:
        """Expire what is late and send again what nobody works on; at most one caller at a time.

        Returns what was sent again.
        """
        rows = self._repair(args=[REPAIR_LOCK_MS, REPAIR_GRACE_S, REPAIR_PARTS])
        lost = [part for row in rows if (part := _checked(_lost_part, row))]
        pipeline = self._redis.pipeline(transaction=False)
        for part in lost:
            pipeline.lpush(part.queue, message(part.job, part.part, part.queue, part.request_id))
        pipeline.execute(raise_on_error=False)  # what cannot be sent now is found again
        return lost

    def _store(self, job: NewJob, blobs: Mapping[str, bytes], arguments: Sequence[Any]) -> Any:  # noqa: ANN401
        """Store pictures, then the job. Returns what the script says."""
        pipeline = self._redis.pipeline(transaction=False)
        for digest, content in blobs.items():
            pipeline.set(blob_key(job.id, digest), content, ex=job.lifetime_s + 60)
        pipeline.evalsha(self._create.sha, 0, *arguments)
        try:
            return pipeline.execute()[-1]
        except NoScriptError:  # the pictures are stored all the same
            return self._create(args=arguments)

    def _drop_blobs(self, job: str, blobs: Mapping[str, bytes]) -> None:
        if blobs:
            self._redis.unlink(*(blob_key(job, digest) for digest in blobs))


def load_script(redis: Redis, *names: str) -> Script:
    """Scripts of the folder `scripts` one after the other, behind the prelude that all share."""
    source = "\n".join((SCRIPTS / f"{part}.lua").read_text() for part in ("prelude", *names))
    return redis.register_script(source)


def _callback_fields(callback: Callback | None) -> dict[str, object]:
    if callback is None:
        return {}
    return {
        "callback": callback.url,
        "callback_total": callback.total,
        "callback_model": callback.asked_for,
    }


def _read(job: str, values: Any) -> JobRecord | None:  # noqa: ANN401
    try:
        return _record(job, values)
    except Later:
        raise LaterRelease from None
    except Broken as error:
        log.warning("record_refused", job=job, reason=str(error))
        raise JobLost from None


def _result(fields: dict[bytes, bytes]) -> PartResult | None:
    return _checked(load_result, fields) if fields else None


def _record(job: str, values: Sequence[bytes | None]) -> JobRecord | None:
    texts = (None if value is None else _text(value) for value in values)
    return load_record(job, dict(zip(RECORD_FIELDS, texts, strict=True)))


def _lost_part(row: Sequence[bytes]) -> LostPart:
    if len(row) < 4:  # noqa: PLR2004 - a field that is not there ends what Lua returns
        raise Broken("a field is missing")
    job, part, queue, request_id = map(_text, row)
    split_queue(queue)
    if len(part) > len(str(MAX_PARTS)):
        raise Broken("no such part")
    return LostPart(job, int(part), queue, request_id)


def _checked(load: Callable[..., Checked], *arguments: object) -> Checked | None:
    """What was read, or None (and a line in the log) when it is broken."""
    try:
        return load(*arguments)
    except Broken as error:
        log.warning("record_refused", reason=str(error))
        return None


def _number(raw: bytes) -> float:
    number = float(raw)
    if not math.isfinite(number):
        raise Broken("a time is no number")
    return number


def _digests(part: Sequence[Item]) -> str:
    return " ".join(item.value for item in part if item.kind == "blob")


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
