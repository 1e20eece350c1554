"""How many webhooks are sent at once: in total, as retries, and to each host."""

import threading
from collections import Counter

from common.webhooks.outbox import Claim
from worker.net.host_breaker import HostBreaker

AT_ONCE = 128
"""A delivery that hangs only costs a sleeping thread."""
RETRIES_AT_ONCE = AT_ONCE // 2
AT_ONCE_PER_HOST = 2


class DeliverySlots:
    """The running deliveries, and which others may start. Thread-safe."""

    def __init__(self, breaker: HostBreaker) -> None:
        self._breaker = breaker
        self._sending: set[Claim] = set()
        self._changed = threading.Condition()

    @property
    def are_all_taken(self) -> bool:
        return len(self._sending) >= AT_ONCE

    @property
    def are_retries_allowed(self) -> bool:
        with self._changed:
            retries = sum(claim.delivery.attempts > 1 for claim in self._sending)
        return retries < RETRIES_AT_ONCE

    def busy_hosts(self) -> set[str]:
        """The hosts that may get no further delivery now."""
        with self._changed:
            sending = Counter(claim.host for claim in self._sending)
        busy = {host for host, count in sending.items() if count >= self._at_once(host)}
        return busy | self._breaker.open_hosts()

    def take(self, claim: Claim) -> None:
        with self._changed:
            self._sending.add(claim)

    def free(self, claim: Claim) -> None:
        with self._changed:
            self._sending.remove(claim)
            self._changed.notify_all()

    def wait_until_all_are_free(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._sending)

    def _at_once(self, host: str) -> int:
        return 1 if self._breaker.is_on_probation(host) else AT_ONCE_PER_HOST
