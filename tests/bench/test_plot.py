from pathlib import Path

from bench import report
from bench.options import Options
from bench.plot import draw
from tests.bench.test_report import RESULT


def test_a_result_becomes_per_image(tmp_path: Path) -> None:
    document = report.document([RESULT], Options(rows=("throughput",)))
    draw(document, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
