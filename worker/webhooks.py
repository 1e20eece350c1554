"""Webhooks: the thread that tells callers' URLs that their jobs have ended.

Signed as Standard Webhooks 1.0 has it: HMAC-SHA256 of "id.timestamp.body".
"""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import structlog
from redis.exceptions import RedisError

from common.errors import ClipError, FetchTimeout
from common.webhooks import Attempt, Claim, Deliveries
from worker.deadline import Deadline
from worker.exchange import Message, Reply, post
from worker.guard import Guard
from worker.host_slots import HostSlots
from worker.retries import RetryPolicy

log = structlog.get_logger()

AT_ONCE = 8
AT_ONCE_PER_HOST = 2
LOOK_EVERY_S = 0.5
# So short a wait for a slot keeps a crowd of deliveries to one slow host from going in circles.
BUSY_WAIT_S = 0.1
BUSY_PAUSE_S = 2.0
LEASE_LEEWAY_S = 5.0


class Sender:
    """Signs and sends, to where the guard of picture URLs lets it."""

    def __init__(
        self, guard: Guard, keys: Sequence[bytes], timeout_s: float, *, use_proxies: bool
    ) -> None:
        self.timeout_s = timeout_s
        self._guard = guard
        self._keys = keys
        self._use_proxies = use_proxies

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
        with Deadline(self.timeout_s) as deadline:
            return post(message, self._guard, deadline, use_proxies=self._use_proxies)


class Postman:
    """Delivers what is due, several at once. Other workers do so too, of the same deliveries."""

    def __init__(self, deliveries: Deliveries, sender: Sender, policy: RetryPolicy) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._policy = policy
        self._lease_s = sender.timeout_s + LEASE_LEEWAY_S
        self._hosts = HostSlots(AT_ONCE_PER_HOST)
        self._free = threading.Semaphore(AT_ONCE)
        self._pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Finish what is in hand, which takes no longer than one delivery may."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._ended.is_set():
            if not self._free.acquire(timeout=LOOK_EVERY_S):
                continue
            claim = self._claim()
            if claim is None:
                self._free.release()
                self._ended.wait(LOOK_EVERY_S)
            else:
                self._pool.submit(self._deliver, claim)

    def _claim(self) -> Claim | None:
        try:
            return self._deliveries.claim(self._lease_s)
        except RedisError as error:
            log.warning("deliveries_not_read", error=type(error).__name__)
        except Exception:  # without this thread nothing is delivered any more
            log.exception("deliveries_not_read")
        return None

    def _deliver(self, claim: Claim) -> None:
        try:
            attempt = self._attempt(claim)
            self._deliveries.settle(claim, attempt)
            log.info(
                "webhook",
                job=claim.job,
                host=host_of(claim.delivery.url),
                attempt=claim.delivery.attempts,
                outcome=attempt.outcome if attempt.counts else "postponed",
                status=attempt.status,
                error=attempt.error or None,
            )
        except RedisError as error:  # it is due again when the lease ends
            log.warning("delivery_not_settled", job=claim.job, error=type(error).__name__)
        except Exception:
            log.exception("delivery_failed", job=claim.job)
        finally:
            self._free.release()

    def _attempt(self, claim: Claim) -> Attempt:
        attempts = claim.delivery.attempts
        if attempts > self._policy.attempts:  # workers ended in the midst of the others
            return Attempt("failed", claim.delivery.status, claim.delivery.error)
        with ExitStack() as held:
            try:
                held.enter_context(self._hosts.slot(host_of(claim.delivery.url), BUSY_WAIT_S))
            except FetchTimeout:
                return Attempt("pending", pause_s=BUSY_PAUSE_S, counts=False)
            try:
                return self._policy.judge(self._sender.send(claim), attempts)
            except ClipError as error:
                return self._policy.judge_failure(error, attempts)


def sign(key: bytes, name: str, at: int, body: bytes) -> str:
    """The signature of a message, of this name and sent at this epoch time."""
    digest = hmac.digest(key, b"%s.%d.%s" % (name.encode(), at, body), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def host_of(url: str) -> str:
    """All of a URL that may stand in a log: the rest may hold secrets."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
