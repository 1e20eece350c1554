"""What is read of the jobs in the ledger. Nothing here changes a job."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

import structlog
from redis import Redis

from common.errors import JobLost
from common.ledger.labels import load_labels
from common.ledger.records import RECORD_FIELDS, JobRecord, Load, load_record
from common.protocol.messages import PartAbout, PartResult
from common.protocol.records import CorruptRecord, load_about, load_result
from common.redis.keys import KEYS, Keys

log = structlog.get_logger()

Parsed = TypeVar("Parsed")


def blob_key(job: str, digest: str, keys: Keys = KEYS) -> str:
    return keys("blob", job, digest)


def job_key(job: str, keys: Keys = KEYS) -> str:
    return keys("job", job)


def jobs_key(owner: str, keys: Keys = KEYS) -> str:
    return keys("jobs", owner)


def part_key(job: str, part: int, keys: Keys = KEYS) -> str:
    return keys("part", job, str(part))


class JobReads:
    """Reads jobs. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, keys: Keys = KEYS) -> None:
        self._redis = redis
        self._keys = keys

    def read(self, job: str) -> JobRecord | None:
        """One job; None if there is no such job. Raises JobLost if it does not parse."""
        values = self._redis.hmget(job_key(job, self._keys), list(RECORD_FIELDS))
        return _read(job, cast("list[bytes | None]", values))

    def read_whole(self, job: str, parts: int) -> tuple[JobRecord | None, list[PartResult | None]]:
        """A job and the results of all its parts, in one round trip. Raises JobLost."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(job_key(job, self._keys), list(RECORD_FIELDS))
        for part in range(parts):
            pipeline.hgetall(part_key(job, part, self._keys))
        values, *results = pipeline.execute()
        return _read(job, values), [_result(fields) for fields in results]

    def read_all(self, jobs: Sequence[str]) -> list[JobRecord | None]:
        """Several jobs; None for each that does not exist or does not parse."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hmget(job_key(job, self._keys), list(RECORD_FIELDS))
        rows = zip(jobs, pipeline.execute(), strict=True)
        return [_parsed(_record, job, values) for job, values in rows]

    def labels(self, job: str) -> list[str | None] | None:
        """The labels of its candidates; None if it has none, or they do not parse."""
        raw = cast("bytes | None", self._redis.hget(job_key(job, self._keys), "labels"))
        return None if raw is None else _parsed(load_labels, raw)

    def listed(self, owner: str, before: float, limit: int) -> list[tuple[str, float]]:
        """An owner's jobs created before an epoch time, newest first, with their creation times."""
        found = self._redis.zrevrangebyscore(
            jobs_key(owner, self._keys), f"({before!r}", "-inf", start=0, num=limit, withscores=True
        )
        return [(text(job), created) for job, created in cast("list[tuple[bytes, float]]", found)]

    def results(self, job: str, parts: Iterable[int]) -> list[PartResult | None]:
        """The results of some parts; None for each that has none or does not parse."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hgetall(part_key(job, part, self._keys))
        return [_result(fields) for fields in pipeline.execute()]

    def abouts(self, job: str, parts: Iterable[int]) -> list[PartAbout | None]:
        """The results of some parts without the embeddings."""
        pipeline = self._redis.pipeline(transaction=False)
        for part in parts:
            pipeline.hget(part_key(job, part, self._keys), "about")
        return [_parsed(load_about, raw) if raw else None for raw in pipeline.execute()]

    def ended(self, jobs: Sequence[str]) -> list[bool]:
        """Which of these jobs have ended or do not exist."""
        pipeline = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(job_key(job, self._keys), "state")
        return [state not in (b"queued", b"running") for state in pipeline.execute()]

    def trace_of(self, job: str) -> str:
        """The W3C traceparent of the request that made a job; empty if it was not traced."""
        return text(
            cast("bytes | None", self._redis.hget(job_key(job, self._keys), "trace")) or b""
        )

    def is_cancelled(self, job: str) -> bool:
        """Whether a job has ended or was deleted."""
        return self.ended([job])[0]

    def load(self) -> Load:
        open_items, drained = self._redis.mget(
            [self._keys("open-items"), self._keys("drained-items")]
        )
        return Load(int(open_items or 0), int(drained or 0))


def _read(job: str, values: Sequence[bytes | None]) -> JobRecord | None:
    try:
        return _record(job, values)
    except CorruptRecord as error:
        log.warning("corrupt_record", job=job, reason=str(error))
        raise JobLost from None


def _result(fields: dict[bytes, bytes]) -> PartResult | None:
    return _parsed(load_result, fields) if fields else None


def _record(job: str, values: Sequence[bytes | None]) -> JobRecord | None:
    texts = (None if value is None else text(value) for value in values)
    return load_record(job, dict(zip(RECORD_FIELDS, texts, strict=True)))


def _parsed(load: Callable[..., Parsed], *arguments: object) -> Parsed | None:
    """A record; None, with a log line, if it does not parse."""
    try:
        return load(*arguments)
    except CorruptRecord as error:
        log.warning("corrupt_record", reason=str(error))
        return None


def text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
