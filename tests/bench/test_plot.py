from pathlib import Path

import pytest

from bench import report
from bench.options import Options
from tests.bench.test_report import RESULT

pytest.importorskip("matplotlib", reason="`make bench` installs it")


def test_a_result_becomes_a_picture(tmp_path: Path) -> None:
    from bench.plot import draw  # noqa: PLC0415 - not everybody has matplotlib

    document = report.document([RESULT], Options(rows=("throughput",)))
    draw(document, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
