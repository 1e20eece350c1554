"""Deliveries: what is told to a URL once a job has ended, and what became of it.

A delivery enters Redis in the script that ends its job (`common/redis/lua/prelude.lua`), and is
due at once. Whoever takes it has a lease: when that ends before the outcome is noted it is due
again. So none is lost, and one may be sent twice.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

import orjson
import structlog
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from redis import Redis

from common.ledger.records import EpochTime, Kind, links, timestamp
from common.protocol.messages import CorruptRecord, Count, first_fault
from common.redis.scripts import LuaScript

log = structlog.get_logger()

DeliveryState: TypeAlias = Literal["pending", "delivered", "failed"]
Status: TypeAlias = Annotated[int, Field(ge=100, le=999)]


def _absent(value: object) -> object:
    return None if value == "" else value


Absent = BeforeValidator(_absent)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be delivered where; `status` and `error` are those of the last attempt."""

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
    started: Annotated[EpochTime | None, Absent] = None
    next: Annotated[EpochTime | None, Absent] = None
    status: Annotated[Status | None, Absent] = None
    error: str = ""

    def body(self, job: str) -> bytes:
        """The same for each attempt. It is thin: the result is fetched from the service."""
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
            "links": links(job),
        }
        told = {"type": f"job.{self.ending}", "timestamp": timestamp(self.finished), "data": data}
        return orjson.dumps(told)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in hand, and the number that tells this claim from others.

    The host is all of its URL that may stand in a log: the rest may hold secrets.
    """

    job: str
    number: int
    host: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt: `pending` is to be tried again after `pause_s`."""

    outcome: DeliveryState
    status: int | None = None
    error: str = ""
    pause_s: float = 0.0


DELIVERY = TypeAdapter(Delivery)


def webhook_key(job: str) -> str:
    return f"clip:webhook:{job}"


class Deliveries:
    """The deliveries in one Redis. Its methods raise redis.exceptions.RedisError without it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim = LuaScript(redis, "webhooks/claim")
        self._record_attempt = LuaScript(redis, "webhooks/record_attempt")

    def claim(
        self, lease_s: float, *, busy_hosts: Collection[str] = (), retries: bool = True
    ) -> Claim | None:
        """Take the delivery that has been due for longest; None where none may be taken.

        Those of `busy_hosts` wait, and without `retries` those that were tried before.
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
                self._redis.zrem("clip:webhooks", found[0])
            else:
                return Claim(job, delivery.claims, host, delivery)
        return None

    def record_attempt(self, claim: Claim, attempt: Attempt) -> bool:
        """Note what came of it; False when the lease had ended and somebody else has it."""
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
        """The delivery of a job that has ended; None where there is none."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(webhook_key(job)))
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
