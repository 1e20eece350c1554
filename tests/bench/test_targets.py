from collections.abc import Mapping

import pytest

from bench.bars import at_least
from bench.figures import Sample, Series
from bench.rows.targets import Against, Target, bare_in, judge, service_in

# Images in a second, and the seconds that the slowest of 32 took.
AT_32 = {
    service_in("float32"): (20, 1.8),
    service_in("int8"): (60, 0.6),
    bare_in("float32"): (16, 1.0),
    bare_in("int8"): (50, 0.2),
    "plain Flask": (10, 3.0),
    "LitServe": (24, 2.0),
    "infinity": (15, 1.5),
}


def series(figures: Mapping[str, tuple[int, float]]) -> dict[str, Series]:
    return {
        name: Series(name, 32, [Sample(1.0, rate, [slowest] * rate)])
        for name, (rate, slowest) in figures.items()
    }


@pytest.mark.parametrize(
    ("dtype", "against", "whom", "ratio"),
    [
        ("float32", Against.BARE, "bare model, float32", 20 / 16),
        ("int8", Against.BARE, "bare model, int8", 60 / 50),
        ("int8", Against.PEER_RATE, "LitServe", 60 / 24),
        ("int8", Against.PEER_P99, "infinity", 0.6 / 1.5),
    ],
)
def test_each_precision_is_compared_with_its_own_limit_and_with_the_best_peer(
    dtype: str, against: Against, whom: str, ratio: float
) -> None:
    verdict = Target("vit-b-32", dtype, against, at_least(2)).judge(series(AT_32))
    assert verdict.measured == pytest.approx(ratio)
    assert verdict.what.endswith(f"against {whom}")
    assert f"vit-b-32, {dtype}" in verdict.what


def test_what_did_not_run_is_not_judged() -> None:
    verdict = Target("vit-b-32", "bfloat16", Against.PEER_RATE, at_least(2)).judge(series(AT_32))
    assert verdict.outcome == "not measured"
    without_peers = {name: AT_32[name] for name in (service_in("int8"), bare_in("int8"))}
    verdict = Target("vit-b-32", "int8", Against.PEER_P99, at_least(2)).judge(series(without_peers))
    assert verdict.outcome == "not measured"


def test_only_the_targets_of_a_model_are_judged() -> None:
    assert {verdict.what.partition(",")[0] for verdict in judge("vit-b-32", {})} == {"vit-b-32"}
    assert judge("demo", {}) == []
