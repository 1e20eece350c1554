from pathlib import Path

from bench.images import THUMBNAIL
from bench.limit import SIZES, Bare
from tests.processes import DEMO_MODEL


def test_the_bare_model_takes_orders_until_it_is_stopped(tmp_path: Path) -> None:
    bare = Bare(DEMO_MODEL, "float32", THUMBNAIL, tmp_path, probe_s=0.02)
    try:
        assert bare.batch in SIZES
        at_best = bare.measure(connections=32, seconds=0.1, warm_s=0.0)
        assert at_best.done % bare.batch == 0
        assert at_best.seconds >= 0.1
        single = bare.measure_single(seconds=0.1, warm_s=0.0)
        assert single.done == len(single.latencies_s)
    finally:
        bare.stop()
