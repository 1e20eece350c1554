import math

import pytest

from bench.bars import Bar, Verdict, at_least, at_most


@pytest.mark.parametrize(
    ("bar", "measured", "is_met"),
    [
        (at_least(0.92), 0.92, True),
        (at_least(0.92), 0.919, False),
        (at_most(6, " ms"), 6.0, True),
        (at_most(6, " ms"), 6.1, False),
        (at_most(0, ""), 0, True),
        (at_least(0.92), math.nan, False),
        (at_most(6, " ms"), math.nan, False),
    ],
)
def test_a_bar_is_met_or_not(bar: Bar, measured: float, is_met: bool) -> None:
    assert bar.is_met(measured) is is_met
    assert Verdict("x", bar, measured).outcome == ("met" if is_met else "NOT MET")


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    verdict = Verdict("x", at_least(1.4), missing="no peer is installed")
    assert verdict.outcome == "not measured"
    assert verdict.shown == "no peer is installed"


def test_a_bar_is_written_as_people_write_it() -> None:
    assert str(at_least(0.92)) == "≥ 0.92×"
    assert str(at_most(6, " ms")) == "≤ 6 ms"
