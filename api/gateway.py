"""Between HTTP and the queue: admit → store → send → wait → collect."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from api.items import DistinctItems, cut
from api.settings import ApiSettings
from api.waiter import Waiter
from common.broker import Sender
from common.errors import (
    BrokerAway,
    DeadlineExceeded,
    InternalError,
    JobLost,
    ModelChanged,
    NoWorker,
    QueueFull,
    Unavailable,
)
from common.heartbeats import Heartbeat, Heartbeats
from common.jobs import Ledger, NewJob
from common.protocol import INTERACTIVE, Fault, ModelInfo, PartResult, Timings, Vectors


@dataclass(frozen=True, slots=True)
class Encoded:
    """The embeddings of a job's distinct items: `vectors` is float32 of shape (items, dimension).

    The row of an item in `faults` is zero; `truncated` are the indices of texts cut short.
    """

    job: str
    vectors: Vectors
    model: ModelInfo
    faults: Mapping[int, Fault]
    truncated: frozenset[int]
    timings: Timings


@contextmanager
def telling_of_outages() -> Iterator[None]:
    """Redis out of reach is BrokerAway, whichever library noticed."""
    try:
        yield
    except (RedisError, OperationalError) as error:
        raise BrokerAway from error


class Gateway:
    """The API's way to the workers.

    Its methods raise BrokerAway when Redis is away.
    """

    def __init__(
        self,
        settings: ApiSettings,
        ledger: Ledger,
        sender: Sender,
        waiter: Waiter,
        heartbeats: Heartbeats,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._sender = sender
        self._waiter = waiter
        self._heartbeats = heartbeats

    def encode(
        self, kind: str, work: DistinctItems, request: Mapping[str, Any], request_id: str
    ) -> Encoded:
        """Have the items encoded and wait for it.

        Raises:
            QueueFull, NoWorker: the job was not accepted.
            DeadlineExceeded: the job goes on, but nobody waited any longer.
            JobLost, ModelChanged: the job was accepted and must be sent again.
        """
        job = NewJob(
            id=secrets.token_hex(16),
            kind=kind,
            queue=INTERACTIVE,
            parts=cut(work.items, self._settings.part_queries),
            request=request,
            request_id=request_id,
            lifetime_s=self._settings.job_timeout_s,
            ttl_s=self._settings.sync_result_ttl_s,
        )
        with telling_of_outages():
            return self._wait_for(job, work.blobs)

    def live_workers(self) -> list[Heartbeat]:
        with telling_of_outages():
            return self._heartbeats.alive()

    def close(self) -> None:
        """End the threads that wake waiting requests."""
        self._waiter.close()

    def _wait_for(self, job: NewJob, blobs: Mapping[str, bytes]) -> Encoded:
        self._admit(job, blobs)
        # Watched from before its end can come, but not from before it is there: the sweep takes a
        # job that is not there for one that is lost.
        with self._waiter.watch(job.id) as ended:
            self._send(job)
            if not ended.wait(self._settings.sync_timeout_s):
                self._ledger.keep(job.id, self._settings.result_ttl_s)
                raise DeadlineExceeded(
                    f"no answer within {self._settings.sync_timeout_s:g} seconds"
                )
            return self._collect(job.id)

    def _admit(self, job: NewJob, blobs: Mapping[str, bytes]) -> None:
        admission = self._ledger.create(
            job,
            blobs,
            max_open_items=self._settings.max_open_items,
            worker_ttl_s=self._settings.worker_ttl_s,
        )
        if admission in REFUSALS:
            raise REFUSALS[admission]

    def _send(self, job: NewJob) -> None:
        for part in range(len(job.parts)):
            self._sender.send(job.id, part, job.queue, job.request_id)

    def _collect(self, job: str) -> Encoded:
        record = self._ledger.read(job)
        if record is None:
            raise JobLost
        if record.state == "expired":
            raise DeadlineExceeded
        if record.state not in ("done", "failed"):
            raise InternalError(f"the job was {record.state}")
        results = self._ledger.results(job, range(record.parts))
        whole = [result for result in results if result is not None]
        if len(whole) < len(results):
            raise JobLost
        return join(job, whole)


REFUSALS: dict[str, type[Unavailable]] = {"full": QueueFull, "no_worker": NoWorker}


def join(job: str, parts: list[PartResult]) -> Encoded:
    """Put the parts of a job together.

    Raises:
        ModelChanged: they were not all encoded by the same model.
    """
    model = parts[0].model
    faults: dict[int, Fault] = {}
    truncated: set[int] = set()
    first = 0
    for part in parts:
        if part.model != model:
            raise ModelChanged
        faults.update({first + index: fault for index, fault in part.faults.items()})
        truncated.update(first + index for index in part.truncated)
        first += len(part.vectors)
    timings = Timings(
        queue=max(part.timings.queue for part in parts),
        fetch=max(part.timings.fetch for part in parts),
        decode=max(part.timings.decode for part in parts),
        inference=max(part.timings.inference for part in parts),
    )
    vectors = np.concatenate([part.vectors for part in parts])
    return Encoded(job, vectors, model, faults, frozenset(truncated), timings)
