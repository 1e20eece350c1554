from api.drain import DrainMeter
from common.records import Load


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


def test_a_count_that_began_anew_is_no_rate() -> None:
    meter = DrainMeter()
    meter.observe(0, Load(0, 1000))
    meter.observe(1, Load(0, 3))
    assert meter.retry_after_s(10) == 1
