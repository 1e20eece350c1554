import math

import pytest

from bench.figures import Sample, Series, p50_difference_ms, p99_ratio, percentile, rate_ratio


def sample(done: int, *latencies_s: float, seconds: float = 1.0) -> Sample:
    return Sample(seconds, done, latencies_s)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_smallest_value_that_enough_others_do_not_exceed(
    share: float, expected: int
) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_of_no_values_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def test_a_rate_is_what_was_done_in_a_second() -> None:
    assert sample(30, seconds=2.0).rate == 15


def test_a_series_has_the_median_of_its_rounds() -> None:
    series = Series("x", 1, [sample(10, 0.1), sample(1000, 9.0), sample(20, 0.2)])
    assert series.rate == 20
    assert series.p50_ms == pytest.approx(200)
    assert series.p99_ms == pytest.approx(200)


def test_two_are_compared_round_by_round() -> None:
    """The machine was half as fast in the second round: the ratio does not care."""
    mine = Series("mine", 1, [sample(80), sample(40), sample(90)])
    its = Series("its", 1, [sample(100), sample(50), sample(100)])
    assert mine.against(its, rate_ratio) == pytest.approx(0.8)


def test_latencies_are_compared_as_ratio_and_as_difference() -> None:
    slow, quick = sample(1, 0.2), sample(1, 0.05)
    assert p99_ratio(slow, quick) == pytest.approx(4)
    assert p50_difference_ms(slow, quick) == pytest.approx(150)


def test_against_one_that_did_nothing_there_is_no_ratio() -> None:
    assert math.isnan(rate_ratio(sample(10), sample(0)))
