"""Deliveries: the webhooks of jobs that have ended, and their outcomes.

The script that ends a job (`common/redis/lua/prelude.lua`) stores its delivery, which is due at
once. A worker that claims it has a lease: if the lease ends before the outcome is recorded, the
delivery is due again. So none is lost, and one may be sent twice.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

import orjson
import structlog
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from redis import Redis

from common.ledger.records import EpochTime, Kind, timestamp
from common.protocol.messages import Count
from common.protocol.records import CorruptRecord, first_fault
from common.redis.keys import KEYS, Keys
from common.redis.scripts import LuaScript

log = structlog.get_logger()

DeliveryState: TypeAlias = Literal["pending", "delivered", "failed"]
Status: TypeAlias = Annotated[int, Field(ge=100, le=999)]


def _absent(value: object) -> object:
    return None if value == "" else value


Absent = BeforeValidator(_absent)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook to deliver; `status` and `error` are of the last attempt."""

    url: str
    kind: Kind
    ending: Literal["done", "failed", "cancelled", "expired"]
    total: Count
    done: Count
    failed: Count
    created: EpochTime
    finished: EpochTime
    state: DeliveryState
    attempts: Count
    claims: Count
    asked_for: str = ""
    model: str = ""
    links: str = "{}"
    metadata: str = "{}"
    started: Annotated[EpochTime | None, Absent] = None
    next: Annotated[EpochTime | None, Absent] = None
    status: Annotated[Status | None, Absent] = None
    error: str = ""

    def body(self, job: str) -> bytes:
        """The body, the same for each attempt. It has no result: the receiver fetches that."""
        asked_for = {"name": self.asked_for, "revision": None} if self.asked_for else None
        data: dict[str, Any] = {
            "id": job,
            "kind": self.kind,
            "status": self.ending,
            "progress": {"total": self.total, "done": self.done, "failed": self.failed},
            "created_at": timestamp(self.created),
            "started_at": timestamp(self.started),
            "finished_at": timestamp(self.finished),
            "model": orjson.loads(self.model) if self.model else asked_for,
            "links": orjson.loads(self.links),
            "metadata": orjson.loads(self.metadata),
        }
        event = {"type": f"job.{self.ending}", "timestamp": timestamp(self.finished), "data": data}
        return orjson.dumps(event)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed delivery, and the number of the claim.

    Only the host of its URL may appear in a log: the rest may contain secrets.
    """

    job: str
    number: int
    host: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of an attempt; `pending`: retry after `pause_s`."""

    outcome: DeliveryState
    status: int | None = None
    error: str = ""
    pause_s: float = 0.0


DELIVERY = TypeAdapter(Delivery)


def webhook_key(job: str, keys: Keys = KEYS) -> str:
    return keys("webhook", job)


class Deliveries:
    """The deliveries in one Redis. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, keys: Keys = KEYS) -> None:
        self._redis = redis
        self._keys = keys
        self._claim = LuaScript(redis, "webhooks/claim", keys=keys)
        self._record_attempt = LuaScript(redis, "webhooks/record_attempt", keys=keys)

    def claim(
        self, lease_s: float, *, busy_hosts: Collection[str] = (), retries: bool = True
    ) -> Claim | None:
        """Claim the delivery that has been due for longest; None if there is none to claim.

        Skips deliveries to `busy_hosts` and, without `retries`, those that were tried before.
        """
        busy = dict.fromkeys(busy_hosts, True)
        while found := self._claim(lease_s=lease_s, busy_hosts=busy, retries=retries):
            job, host = (name.decode(errors="replace") for name in found[:2])
            values = found[2]
            fields = dict(zip(values[::2], values[1::2], strict=True))
            try:
                delivery = _delivery(fields)
            except CorruptRecord as error:
                log.warning("corrupt_record", job=job, reason=str(error))
                self._redis.zrem(self._keys("webhooks"), found[0])
            else:
                return Claim(job, delivery.claims, host, delivery)
        return None

    def record_attempt(self, claim: Claim, attempt: Attempt) -> bool:
        """Record an outcome; False if the lease ended and another worker claimed the delivery."""
        return bool(
            self._record_attempt(
                job=claim.job,
                claim=claim.number,
                outcome=attempt.outcome,
                status="" if attempt.status is None else attempt.status,
                error=attempt.error,
                pause_s=attempt.pause_s,
            )
        )

    def read(self, job: str) -> Delivery | None:
        """The delivery of a job that has ended; None if there is none."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(webhook_key(job, self._keys)))
        try:
            return _delivery(fields) if fields else None
        except CorruptRecord as error:
            log.warning("corrupt_record", job=job, reason=str(error))
            return None


def _delivery(fields: dict[bytes, bytes]) -> Delivery:
    given = {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in fields.items()
    }
    try:
        return DELIVERY.validate_python(given)
    except ValidationError as error:
        raise CorruptRecord(first_fault(error)) from None
