from api.dispatch.queue_rate import DrainMeter
from common.ledger.records import Load


def test_who_is_refused_comes_back_when_there_is_room() -> None:
    meter = DrainMeter()
    for second in range(10):
        meter.observe(second, Load(1000, drained_items=second * 20))
    assert meter.retry_after_s(excess=100) == 5


def test_without_a_measure_soon_is_a_guess() -> None:
    assert DrainMeter().retry_after_s(100) == 1


def test_where_nothing_drains_later_is_better() -> None:
    meter = DrainMeter()
    meter.observe(0, Load(10, 5))
    meter.observe(10, Load(10, 5))
    assert meter.retry_after_s(1) == 60


def test_only_the_last_half_minute_counts() -> None:
    meter = DrainMeter()
    meter.observe(0, Load(0, 0))
    meter.observe(1, Load(0, 100_000))
    for second in range(100, 110):
        meter.observe(second, Load(0, 100_000 + second))
    assert meter.retry_after_s(10) == 10


def test_a_restarted_count_is_no_rate() -> None:
    meter = DrainMeter()
    meter.observe(0, Load(0, 1000))
    meter.observe(1, Load(0, 3))
    assert meter.retry_after_s(10) == 1


def busy(meter: DrainMeter, since: int, until: int, *, items_a_second: int) -> None:
    for second in range(since, until):
        meter.observe(second, Load(500, drained_items=(second - since) * items_a_second))


def test_a_wait_is_known_from_the_rate() -> None:
    meter = DrainMeter()
    busy(meter, 0, 10, items_a_second=20)
    assert meter.wait_s(100) == 5.0


def test_idle_time_is_not_part_of_the_rate() -> None:
    meter = DrainMeter()
    for second in range(20):
        meter.observe(second, Load(0, 0))
    busy(meter, 20, 30, items_a_second=20)
    assert meter.wait_s(100) < 6.0


def test_a_wait_is_unknown_at_first_and_while_nothing_ends() -> None:
    meter = DrainMeter()
    assert meter.wait_s(100) == 0.0
    busy(meter, 0, 3, items_a_second=20)
    assert meter.wait_s(100) == 0.0
    stuck = DrainMeter()
    busy(stuck, 0, 30, items_a_second=0)
    assert stuck.wait_s(100) == 0.0
