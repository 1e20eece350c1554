"""Between HTTP and the queue: have a job admitted, then wait for what comes of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from api import callbacks, remembered
from api.admission import Accepted, Admitter
from api.caller import Caller
from api.items import DistinctItems
from api.label_sets import LabelSets
from api.lineup import Offer, offers
from api.results import SMALL_PARTS, Outcome
from api.settings import ApiSettings
from api.waiter import Waiter
from common.errors import BrokerAway, ClipError, DeadlineExceeded, JobLost, NotFound
from common.heartbeats import Heartbeat, Heartbeats
from common.jobs import Ledger
from common.label_sets import LabelSetStore
from common.news import load_news
from common.protocol import PartResult
from common.records import Idempotency, JobRecord
from common.webhooks import Deliveries

READ_AGAIN_S = 0.2


@contextmanager
def telling_of_outages() -> Iterator[None]:
    """Redis out of reach is BrokerAway."""
    try:
        yield
    except RedisError as error:
        raise BrokerAway from error


@dataclass(frozen=True, slots=True)
class Stores:
    """What there is in Redis, beside the queues."""

    ledger: Ledger
    heartbeats: Heartbeats
    label_sets: LabelSetStore
    deliveries: Deliveries


class Gateway:
    """The API's way to the workers.

    Its methods raise BrokerAway when Redis is away, and NotFound for a job that is not there or is
    not the `owner`'s.
    """

    def __init__(self, settings: ApiSettings, stores: Stores) -> None:
        self._settings = settings
        self._ledger = stores.ledger
        self._heartbeats = stores.heartbeats
        self._deliveries = stores.deliveries
        self.label_sets = LabelSets(stores.label_sets, self._encode_labels)
        self._waiter = Waiter(stores.ledger, self._sweep)
        self._admitter = Admitter(settings, stores.ledger, stores.heartbeats, self._waiter.name)

    def submit(
        self,
        kind: str,
        work: DistinctItems,
        caller: Caller,
        *,
        is_async: bool,
        idempotency: Idempotency | None = None,
    ) -> Accepted:
        """Have the items encoded, by a job that may be an earlier request's.

        Raises:
            QueueFull, NoWorker: the job was not accepted.
            IdempotencyKeyReused: its key belongs to another request.
            UnknownModel: the model that the request names is not served.
        """
        with telling_of_outages():
            return self._admitter.admit(
                kind, work, caller, is_async=is_async, idempotency=idempotency
            )

    def follow(self, accepted: Accepted, owner: str, seconds: float) -> Outcome:
        """Wait until a job has ended, or as long. Returns what came of it till then.

        A small job that is new costs one round trip at most: there is nothing to read before its
        end, and where it has one part all is told then.

        Raises:
            JobLost: the ledger does not hold it whole.
        """
        if recalled := accepted.recalled:
            return self._outcome_of(recalled.record, [recalled.result])
        job, parts = accepted.job, accepted.parts
        if not accepted.is_new or parts > SMALL_PARTS or seconds <= 0:
            return self.outcome(self.wait(job, owner, seconds))
        results: list[PartResult | None] = []

        def read(news: bytes) -> JobRecord:
            record, results[:] = load_news(job, news) or self._ledger.read_whole(job, parts)
            return _owned(record, owner)

        record = remembered.check(self._wait(job, read, seconds, is_new=True))
        is_whole = record.has_ended and record.parts == len(results)
        return self._outcome_of(record, results if is_whole else None)

    def wait(self, job: str, owner: str, seconds: float) -> JobRecord:
        """Wait until a job has ended, or as long. Returns it as it is then."""
        return self._wait(job, lambda _: self._read(job, owner), seconds, is_new=False)

    def outcome(self, record: JobRecord) -> Outcome:
        """What came of a job. Raises JobLost when the ledger does not hold it whole."""
        return self._outcome_of(remembered.check(record))

    def callback(self, record: JobRecord) -> dict[str, Any] | None:
        """What became of telling a job's end; None where nobody wants to be told."""
        if not record.callback:
            return None
        with telling_of_outages():
            delivery = self._deliveries.read(record.id) if record.has_ended else None
        return callbacks.document(record, delivery)

    def keep(self, job: str) -> None:
        """Nobody took the answer of a synchronous job: keep it like that of any other."""
        with telling_of_outages():
            self._ledger.keep(job, self._settings.result_ttl_s)

    def cancel(self, job: str, owner: str) -> bool:
        """End a job. False when it had ended already."""
        with telling_of_outages():
            self._read(job, owner)
            return self._ledger.stop(job, "cancelled", "")

    def forget(self, job: str, owner: str) -> None:
        with telling_of_outages():
            self._read(job, owner)
            if not self._ledger.forget(job):
                raise NotFound

    def listed(self, owner: str, before: float, limit: int) -> list[tuple[JobRecord | None, float]]:
        """Jobs created before an epoch time, newest first; None where one is gone."""
        with telling_of_outages():
            found = self._ledger.listed(owner, before, limit)
            records = self._ledger.read_all([job for job, _ in found])
        whole = [record if record and remembered.is_whole(record) else None for record in records]
        return [(record, at) for record, (_, at) in zip(whole, found, strict=True)]

    def live_workers(self) -> list[Heartbeat]:
        with telling_of_outages():
            return self._heartbeats.alive()

    def models(self) -> list[Offer]:
        """The models of the settings, and what else is served."""
        return offers(self._settings.models, self.live_workers())

    def close(self) -> None:
        """End the threads that wake waiting requests."""
        self._waiter.close()

    def _encode_labels(
        self, work: DistinctItems, owner: str, request_id: str, idempotency: Idempotency
    ) -> Outcome:
        """Have a label set encoded while the caller waits."""
        caller = Caller(owner, request_id)
        accepted = self.submit("label_set", work, caller, is_async=False, idempotency=idempotency)
        wait_s = self._settings.sync_timeout_s
        try:
            outcome = self.follow(accepted, owner, wait_s)
        except NotFound:
            raise JobLost from None
        if not outcome.record.has_ended:
            self.keep(accepted.job)
            raise DeadlineExceeded(f"not encoded within {wait_s:g} seconds", job=accepted.job)
        try:
            outcome.check_done()
        except ClipError:
            # Or whoever tries again would be answered with this job, by its idempotency key.
            self._ledger.forget(accepted.job)
            raise
        return outcome

    def _outcome_of(
        self, record: JobRecord, results: list[PartResult | None] | None = None
    ) -> Outcome:
        return Outcome(self._ledger, record, self.label_sets.find, results)

    def _wait(
        self, job: str, read: Callable[[bytes], JobRecord], seconds: float, *, is_new: bool
    ) -> JobRecord:
        """Read a job again and again until it has ended, or as long; not at once where it `is_new`.

        Who waits already waits through an outage: Redis may come back before the time is up.
        """
        deadline = time.monotonic() + seconds
        with telling_of_outages(), self._waiter.watch(job) as ended:
            record = None if is_new else read(b"")
            while not (record and record.has_ended) and (left := deadline - time.monotonic()) > 0:
                ended.wait(left)
                ended.clear()
                try:
                    record = read(ended.news)
                except RedisError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(READ_AGAIN_S)
            return record or read(b"")

    def _sweep(self) -> None:
        self._ledger.repair()
        self._admitter.observe_load()

    def _read(self, job: str, owner: str) -> JobRecord:
        return _owned(self._ledger.read(job), owner)


def _owned(record: JobRecord | None, owner: str) -> JobRecord:
    if record is None or record.owner != owner:
        raise NotFound("there is no such job (any more)")
    return record
