"""The thread that delivers the webhooks of jobs that have ended.

Signed according to Standard Webhooks 1.0: HMAC-SHA256 of "id.timestamp.body".
"""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError

from common.errors import ClipError, FetchTimeout
from common.webhooks.outbox import Attempt, Claim, Deliveries
from worker.net.exchange import DEFAULTS, ClientOptions, Message, Reply, WebClient
from worker.net.failures import cause_of
from worker.net.guard import Guard
from worker.net.host_breaker import HostBreaker
from worker.net.terms import Terms
from worker.webhooks.retries import RetryPolicy
from worker.webhooks.slots import DeliverySlots

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
LEASE_LEEWAY_S = 5.0
MAX_RECORDING = 8
"""Outcomes recorded at once; each takes a connection to Redis for a millisecond."""
PAUSE_TIMEOUTS = 2
"""A host that hangs gets no requests for this many timeouts."""


class Sender:
    """Signs and sends webhooks, to addresses that the guard allows."""

    def __init__(
        self,
        guard: Guard,
        keys: Sequence[bytes],
        timeout_s: float,
        *,
        use_proxies: bool,
        options: ClientOptions = DEFAULTS,
    ) -> None:
        self.timeout_s = timeout_s
        self._keys = keys
        self.client = WebClient(guard, options, use_proxies=use_proxies)

    def send(self, claim: Claim) -> Reply:
        """One attempt. Raises UrlRefused, FetchFailed, FetchTimeout."""
        name, at = f"msg_{claim.job}", int(time.time())
        body = claim.delivery.body(claim.job)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(sign(key, name, at, body) for key in self._keys),
        }
        message = Message(claim.delivery.url, headers, body)
        began = time.monotonic()
        with self.client.deadline(self.timeout_s) as deadline:
            terms = Terms(deadline)
            try:
                return self.client.post(message, terms)
            except ClipError as error:
                log.info(
                    "webhook_not_sent",
                    job=claim.job,
                    **{"host": claim.host, "address": terms.address, **cause_of(error)},
                    ms=round(1000 * (time.monotonic() - began)),
                )
                raise


class WebhookDispatcher:
    """Delivers due webhooks, many at once. All workers share the deliveries."""

    def __init__(self, deliveries: Deliveries, sender: Sender, policy: RetryPolicy) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._policy = policy
        self._lease_s = sender.timeout_s + LEASE_LEEWAY_S
        self._breaker = HostBreaker(PAUSE_TIMEOUTS * sender.timeout_s)
        self._slots = DeliverySlots(self._breaker)
        self._recording = threading.Semaphore(MAX_RECORDING)
        self._freed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Finish the running deliveries, which takes no longer than the timeout of one."""
        self._ended.set()
        self._freed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._slots.wait_until_all_are_free()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._freed.clear()
            claim = None if self._slots.are_all_taken else self._claim()
            if claim is None or not self._start(claim):
                self._freed.wait(LOOK_EVERY_S)

    def _claim(self) -> Claim | None:
        try:
            return self._deliveries.claim(
                self._lease_s,
                busy_hosts=self._slots.busy_hosts(),
                retries=self._slots.are_retries_allowed,
            )
        except RedisError as error:
            log.warning("deliveries_not_read", error=type(error).__name__)
        except Exception:  # keep the thread alive: without it nothing is delivered
            log.exception("deliveries_not_read")
        return None

    def _start(self, claim: Claim) -> bool:
        self._slots.take(claim)
        thread = threading.Thread(target=self._deliver, args=(claim,), name="webhook", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there are as many threads as the system allows
            log.warning("delivery_not_started", job=claim.job, error=str(error))
            self._slots.free(claim)
            return False
        return True

    def _deliver(self, claim: Claim) -> None:
        try:
            attempt = self._attempt(claim)
            with self._recording:
                self._deliveries.record_attempt(claim, attempt)
            log.info(
                "webhook",
                job=claim.job,
                host=claim.host,
                attempt=claim.delivery.attempts,
                outcome=attempt.outcome,
                status=attempt.status,
                error=attempt.error or None,
            )
        except RedisError as error:  # it is due again when the lease ends
            log.warning("attempt_not_recorded", job=claim.job, error=type(error).__name__)
        except Exception:
            log.exception("delivery_failed", job=claim.job)
        finally:
            self._slots.free(claim)
            self._freed.set()

    def _attempt(self, claim: Claim) -> Attempt:
        attempts = claim.delivery.attempts
        if attempts > self._policy.attempts:  # workers died during earlier attempts
            return Attempt("failed", claim.delivery.status, claim.delivery.error)
        try:
            reply = self._sender.send(claim)
        except ClipError as error:
            if isinstance(error, FetchTimeout):
                self._breaker.timed_out(claim.host)
            else:
                self._breaker.answered(claim.host)
            return self._policy.judge_failure(error, attempts)
        self._breaker.answered(claim.host)
        return self._policy.judge(reply, attempts)


def sign(key: bytes, name: str, at: int, body: bytes) -> str:
    """The signature of a webhook with this id, sent at this epoch time."""
    digest = hmac.digest(key, b"%s.%d.%s" % (name.encode(), at, body), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
