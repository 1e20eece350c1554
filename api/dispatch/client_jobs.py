"""The jobs of clients: read, wait, list, cancel, delete."""

import time
from collections.abc import Callable

from redis.exceptions import RedisError

from api.answer import jobs
from api.answer.results import SMALL_PARTS, Outcome
from api.dispatch.waiter import Waiter
from api.errors import NotFound
from common.ledger.jobs import Ledger
from common.ledger.records import JobRecord
from common.protocol.messages import PartResult
from common.webhooks.outbox import Deliveries

READ_AGAIN_S = 0.2


class Jobs:
    """The jobs in the ledger, for their owners.

    Methods raise RedisError when Redis does not answer, NotFound for a job that does not exist or
    belongs to another owner, and JobLost for one that does not parse.
    """

    def __init__(self, ledger: Ledger, deliveries: Deliveries, waiter: Waiter) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._waiter = waiter

    def read(self, job: str, owner: str) -> JobRecord:
        """The current state of a job."""
        return _owned(self._ledger.read(job), owner)

    def wait(self, job: str, owner: str, deadline: float) -> JobRecord:
        """Wait until a job has ended, or until the deadline. Returns its state then."""
        record = self.read(job, owner)
        if record.has_ended:
            return record
        return self._wait(job, deadline, lambda: self.read(job, owner))

    def wait_for_new(self, job: str, parts: int, owner: str, deadline: float) -> Outcome:
        """Like `wait`, for a job that was just created. Returns it with its results.

        A small job is read only once, when it has ended, together with its results.
        """
        if parts > SMALL_PARTS:
            return self.outcome(self._wait(job, deadline, lambda: self.read(job, owner)))
        results: list[PartResult | None] = []

        def read() -> JobRecord:
            record, results[:] = self._ledger.read_whole(job, parts)
            return _owned(record, owner)

        record = self._wait(job, deadline, read)
        return Outcome(self._ledger, record, results if record.has_ended else None)

    def outcome(self, record: JobRecord) -> Outcome:
        """The outcome of a job so far."""
        return Outcome(self._ledger, record)

    def callback(self, record: JobRecord) -> jobs.CallbackDelivery | None:
        """The state of a job's webhook; None if it has none."""
        if not record.callback:
            return None
        delivery = self._deliveries.read(record.id) if record.has_ended else None
        return jobs.callback(record, delivery)

    def labels(self, record: JobRecord) -> list[str | None] | None:
        """The labels of a job's candidates; None if they are not known."""
        return self._ledger.labels(record.id) if record.kind == "rank" else None

    def keep(self, job: str, ttl_s: int) -> None:
        """Keep a job whose client stopped waiting as long as an asynchronous one."""
        self._ledger.keep(job, ttl_s)

    def cancel(self, job: str, owner: str) -> bool:
        """Cancel a job. False if it had ended already."""
        self.read(job, owner)
        return self._ledger.stop(job, "cancelled", "")

    def forget(self, job: str, owner: str) -> None:
        """End a job if necessary, and delete it."""
        self.read(job, owner)
        if not self._ledger.forget(job):
            raise NotFound

    def listed(self, owner: str, before: float, limit: int) -> list[tuple[JobRecord | None, float]]:
        """Jobs created before an epoch time, newest first; None for each that is gone."""
        found = self._ledger.listed(owner, before, limit)
        records = self._ledger.read_all([job for job, _ in found])
        return [(record, at) for record, (_, at) in zip(records, found, strict=True)]

    def _wait(self, job: str, deadline: float, read: Callable[[], JobRecord]) -> JobRecord:
        """Read a job whenever it may have ended, and at the deadline.

        The wait survives an outage of Redis that ends before the deadline.
        """
        with self._waiter.watch(job) as ended:
            while True:
                ended.wait(max(0.0, deadline - time.monotonic()))
                ended.clear()
                try:
                    record = read()
                except RedisError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(READ_AGAIN_S)
                    ended.set()
                    continue
                if record.has_ended or time.monotonic() >= deadline:
                    return record


def _owned(record: JobRecord | None, owner: str) -> JobRecord:
    if record is None or record.owner != owner:
        raise NotFound("no such job")
    return record
