"""Which webhooks may be sent now."""

from common.webhooks.outbox import Claim, Delivery
from worker.net.host_breaker import MAX_TIMEOUTS, HostBreaker
from worker.webhooks.slots import AT_ONCE, AT_ONCE_PER_HOST, RETRIES_AT_ONCE, DeliverySlots


def claim(number: int, host: str, attempts: int = 1) -> Claim:
    url = f"http://{host}/"
    delivery = Delivery(url, "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", attempts, attempts)
    return Claim(f"j{number}", attempts, host, delivery)


def test_a_host_has_a_bound() -> None:
    slots = DeliverySlots(HostBreaker(3600))
    claims = [claim(number, "a") for number in range(AT_ONCE_PER_HOST)]
    for one in claims:
        assert slots.busy_hosts() == set()
        slots.take(one)
    assert slots.busy_hosts() == {"a"}
    slots.free(claims[0])
    assert slots.busy_hosts() == set()


def test_what_was_tried_before_leaves_slots_to_what_was_not() -> None:
    slots = DeliverySlots(HostBreaker(3600))
    for number in range(RETRIES_AT_ONCE):
        assert slots.are_retries_allowed
        slots.take(claim(number, f"host-{number}", attempts=2))
    assert not slots.are_retries_allowed
    for number in range(RETRIES_AT_ONCE, AT_ONCE):
        assert not slots.are_all_taken
        slots.take(claim(number, f"host-{number}"))
    assert slots.are_all_taken


def test_a_host_that_hangs_is_left_alone_and_then_gets_one_at_a_time() -> None:
    for pause_s in (3600.0, 0.0):
        breaker = HostBreaker(pause_s)
        slots = DeliverySlots(breaker)
        for _ in range(MAX_TIMEOUTS):
            assert slots.busy_hosts() == set()
            breaker.timed_out("a")
        assert slots.busy_hosts() == ({"a"} if pause_s else set())
    slots.take(claim(1, "a"))
    assert slots.busy_hosts() == {"a"}
    breaker.answered("a")
    assert slots.busy_hosts() == set()
