"""The ledger of jobs. Each transition is one Lua script, atomic and idempotent.

    queued → running → done | failed        and from the first two: → cancelled | expired

Times are epoch seconds by Redis' clock, so that the clocks of hosts may differ. Times that are
compared are by the ledger's clock, which never jumps (common/redis/lua/prelude.lua).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
import structlog
from redis import Redis
from redis.client import PubSub
from redis.exceptions import OutOfMemoryError

from common.cache.embeddings import CacheEntries
from common.ledger.labels import dump_labels
from common.ledger.reads import JobReads, blob_key, text
from common.ledger.records import (
    Admission,
    BegunPart,
    Callback,
    NewJob,
    PartMessage,
)
from common.protocol.messages import FORMAT, Item, PartResult, Priority, queue_of
from common.protocol.records import NewerFormat, dump_items, dump_result, load_items
from common.redis.keys import KEYS, Keys
from common.redis.scripts import LuaScript

log = structlog.get_logger()

REPAIR_EVERY_S = 0.4
REPAIR_GRACE_S = 2.0
REPAIR_PARTS = 2000
BEAT_AFTER_S = 2.0
"""A heartbeat's list of parts is trusted only for parts that were begun this long before it."""


class Ledger(JobReads):
    """The jobs in one Redis. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, keys: Keys = KEYS) -> None:
        super().__init__(redis, keys)
        self._create = LuaScript(redis, "ledger/create", keys=keys)
        self._begin = LuaScript(redis, "ledger/begin", keys=keys)
        self._finish = LuaScript(redis, "cache/entries", "ledger/finish", keys=keys)
        self._stop = LuaScript(redis, "ledger/stop", keys=keys)
        self._keep = LuaScript(redis, "ledger/keep", keys=keys)
        self._forget = LuaScript(redis, "ledger/forget", keys=keys)
        self._release = LuaScript(redis, "ledger/release", keys=keys)
        self._strike = LuaScript(redis, "ledger/strike", keys=keys)
        self._repair = LuaScript(redis, "ledger/repair", keys=keys)

    def create(
        self, job: NewJob, blobs: Mapping[str, bytes], *, max_open_items: int, worker_ttl_s: float
    ) -> Admission:
        """Store images (by Item.blob) and the job, if there is room.

        An interactive job needs a worker that sent a heartbeat within `worker_ttl_s` seconds,
        consumes from the job's queue, and serves its model if it names one.
        """
        worker = {"ttl_s": worker_ttl_s, "model": job.model, "model_queue": job.model_queue}
        options: dict[str, Any] = {
            "idempotency": job.idempotency,
            "worker": worker if job.priority is Priority.INTERACTIVE else None,
        }
        try:
            self._store_blobs(job, blobs)
            outcome, detail = self._create(
                dump_labels(job.labels),
                id=job.id,
                fields=_fields(job),
                parts=[_part(part) for part in job.parts],
                queue=queue_of(job.priority, job.model_queue),
                max_open_items=max_open_items,
                lifetime_s=job.lifetime_s,
                ttl_s=job.ttl_s,
                is_listed=job.priority is Priority.BULK,
                **{name: value for name, value in options.items() if value},
            )
        except OutOfMemoryError:  # Redis holds as much as its maxmemory allows
            outcome, detail = b"full", sum(_inputs(part) for part in job.parts)
        if outcome != b"created":
            self._drop_blobs(job.id, blobs)
        if isinstance(detail, bytes):
            return Admission(text(outcome), job=text(detail))  # type: ignore[arg-type]
        return Admission(text(outcome), excess=detail)  # type: ignore[arg-type]

    def begin(self, job: str, part: int, worker: str) -> BegunPart | None:
        """Begin a part; None if it is finished, or its job has ended or does not exist.

        Raises:
            NewerFormat: the job is of another release, whose workers must run it. It is unchanged.
            CorruptRecord: the part's items do not parse.
        """
        answer = self._begin(id=job, part=part, worker=worker, format=FORMAT)
        if not answer:
            return None
        if isinstance(answer, int):
            raise NewerFormat(f"the job has format {answer}")
        raw, left, waited, strikes, tries, priority, request_id, owner, *contents = answer
        items = load_items(raw)
        names = [item.blob for item in items if item.kind == "blob"]
        return BegunPart(
            items,
            dict(zip(names, contents, strict=False)),
            float(left),
            float(waited),
            strikes,
            tries,
            Priority(text(priority)),
            text(request_id),
            text(owner),
        )

    def finish(
        self,
        job: str,
        part: int,
        items: Sequence[Item],
        result: PartResult,
        shared: CacheEntries | None = None,
    ) -> bool:
        """Store the result of a part; False if it was stored before or the job has ended.

        The `shared` embeddings go to the embedding cache either way.
        """
        failed = [items[index] for index in result.about.faults]
        failed_queries = sum(item.queries for item in failed)
        fields = dump_result(result)
        options: dict[str, Any] = {"cache": shared.where} if shared else {}
        return bool(
            self._finish(
                fields["vectors"],
                fields["about"],
                *(shared.blobs if shared else ()),
                id=job,
                part=part,
                done=sum(item.queries for item in items) - failed_queries,
                failed=failed_queries,
                fatal=sum(item.required for item in failed),
                **options,
            )
        )

    def stop(self, job: str, state: Literal["cancelled", "failed", "expired"], error: str) -> bool:
        """End a job early; False if there is no such job or it has ended."""
        before = self._stop(id=job, state=state, error=error)
        return before is not None and text(before) in ("queued", "running")

    def keep(self, job: str, ttl_s: int) -> None:
        """Keep a job for `ttl_s` after its end, and list it among its owner's jobs."""
        self._keep(id=job, ttl_s=ttl_s)

    def forget(self, job: str) -> bool:
        """End a job if necessary and delete it; False if there is no such job."""
        return bool(self._forget(id=job))

    def release(self, job: str, part: int, worker: str) -> None:
        """Return a part that this worker began: repair resends it. It does not count as a try."""
        self._release(id=job, part=part, worker=worker)

    def strike(self, job: str, part: int, worker: str) -> None:
        """Record that a worker's model hung while it ran this part; once for each worker."""
        self._strike(id=job, part=part, worker=worker)

    def notifications(self) -> PubSub:
        """A subscription to the ids of jobs that end. Sweeps make up for lost notifications."""
        channel: PubSub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        channel.subscribe(self._keys("done"))
        return channel

    def repair(self) -> list[PartMessage]:
        """Expire jobs past their deadline and return the parts that must be sent again.

        Those are the parts that no worker runs and no queue contains. Of concurrent callers, one
        gets them.
        """
        rows = self._repair(
            every_s=REPAIR_EVERY_S,
            grace_s=REPAIR_GRACE_S,
            max_parts=REPAIR_PARTS,
            beat_after_s=BEAT_AFTER_S,
        )
        texts = ([text(value) for value in row] for row in rows)
        return [PartMessage(job, int(part), queue, request) for job, part, queue, request in texts]

    def _store_blobs(self, job: NewJob, blobs: Mapping[str, bytes]) -> None:
        if not blobs:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for digest, content in blobs.items():
            pipeline.set(blob_key(job.id, digest, self._keys), content, ex=job.lifetime_s + 60)
        pipeline.execute()

    def _drop_blobs(self, job: str, blobs: Mapping[str, bytes]) -> None:
        if blobs:
            self._redis.unlink(*(blob_key(job, digest, self._keys) for digest in blobs))


def _fields(job: NewJob) -> dict[str, object]:
    """The fields of a job that are stored unchanged."""
    return {
        "owner": job.owner,
        "kind": job.kind,
        "priority": job.priority,
        "request": orjson.dumps(job.request).decode(),
        "request_id": job.request_id,
        "format": FORMAT,
        **({"trace": job.trace} if job.trace else {}),
        **_callback_fields(job.callback),
    }


def _part(items: list[Item]) -> dict[str, object]:
    names = " ".join(item.blob for item in items if item.kind == "blob")
    return {"items": dump_items(items).decode(), "size": _inputs(items), "blobs": names}


def _inputs(items: Sequence[Item]) -> int:
    return sum(item.inputs for item in items)


def _callback_fields(callback: Callback | None) -> dict[str, object]:
    if callback is None:
        return {}
    return {
        "callback": callback.url,
        "callback_total": callback.total,
        "callback_model": callback.asked_for,
        "callback_links": orjson.dumps(callback.links).decode(),
        "callback_metadata": orjson.dumps(callback.metadata).decode(),
    }
