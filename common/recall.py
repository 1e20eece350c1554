"""Jobs that are done as they are made, without queue or worker: all they need is in the cache."""

from dataclasses import dataclass

import numpy as np
import orjson
import structlog
from redis import Redis

from common.embeddings import FLAGS, CacheBounds, Space, key_of
from common.jobs import job_key, load_script, part_key
from common.protocol import FORMAT, Broken, ModelInfo, PartAbout, PartResult, dump_about
from common.records import JobRecord, NewJob

log = structlog.get_logger()

NO_TRUNCATED = b'"truncated":['


@dataclass(frozen=True, slots=True)
class Recalled:
    """A job that is done, and the result of its one part."""

    record: JobRecord
    result: PartResult


class Recall:
    """Makes such jobs in one Redis.

    Its methods raise redis.exceptions.RedisError when Redis is away.
    """

    def __init__(self, redis: Redis, bounds: CacheBounds) -> None:
        self._redis = redis
        self._bounds = bounds
        self._recall = load_script(redis, "embeddings", "recall")

    def make(self, job: NewJob, model: ModelInfo, space: Space) -> Recalled | None:
        """A job of one part without URLs, stored as one that is done: one round trip.

        None, and nothing is stored, when an embedding is missing or broken, or when there is a job
        with this idempotency key already.
        """
        [items] = job.parts
        keys = [key_of(item) or b"" for item in items]
        fields = {
            "owner": job.owner,
            "kind": job.kind,
            "request": orjson.dumps(job.request).decode(),
            "request_id": job.request_id,
            "ttl": job.ttl_s,
            "format": FORMAT,
        }
        queries = sum(item.queries for item in items)
        about = PartAbout(model)
        before, opening, after = dump_about(about).partition(NO_TRUNCATED)
        key = job.idempotency
        found = self._recall(
            args=[
                *(space.name, self._bounds.generation, self._bounds.ttl_s, b"".join(keys)),
                *(job.id, orjson.dumps(fields), queries),
                *((key.key, key.fingerprint) if key else ("", "")),
                *(4 * space.dimension + 1, before + opening, after),
            ]
        )
        if not found:
            return None
        at, vectors, flags = found
        try:
            result = _result(vectors, flags, model)
        except Broken as error:
            log.warning("embedding_refused", reason=str(error))
            self._redis.unlink(job_key(job.id), part_key(job.id, 0))
            return None
        return Recalled(_record(job, float(at), queries), result)


def _result(raw: bytes, flags: bytes, model: ModelInfo) -> PartResult:
    vectors = np.frombuffer(raw, dtype="<f4").reshape(-1, model.dimension)
    if not np.isfinite(vectors).all():
        raise Broken("an embedding is not finite")
    if not set(flags) <= {flag[0] for flag in FLAGS}:
        raise Broken("an embedding has another form")
    truncated = tuple(index for index, flag in enumerate(flags) if flag == FLAGS[True][0])
    return PartResult(vectors, PartAbout(model, truncated=truncated))


def _record(job: NewJob, at: float, queries: int) -> JobRecord:
    return JobRecord(
        id=job.id,
        owner=job.owner,
        kind=job.kind,
        state="done",
        parts=1,
        request=dict(job.request),
        error="",
        done=queries,
        failed=0,
        created=at,
        started=at,
        finished=at,
    )
