import json
from pathlib import Path

from bench import report
from bench.bars import Verdict, at_least
from bench.figures import Sample, Series
from bench.options import Options
from bench.rows.row import Result

RESULT = Result(
    "throughput, demo",
    [
        Series("this service", 32, [Sample(2.0, 50, [0.1, 0.3], {"status 503": 2}, 0.015)]),
        Series("LitServe", 32, [Sample(2.0, 0, [])]),
    ],
    [Verdict("demo: against LitServe", at_least(1.4), 1.72)],
    {"infinity": "not installed"},
)


def test_a_table_has_columns_one_beneath_the_other() -> None:
    lines = report.table(("", "rate"), [("a", "10.0"), ("longer", "9.5")]).splitlines()
    assert lines == ["        rate", "──────  ────", "a       10.0", "longer   9.5"]


def test_the_text_shows_figures_errors_notes_and_bars() -> None:
    shown = report.text([RESULT]).splitlines()
    row = next(line for line in shown if line.startswith("this service"))
    assert row.split() == ["this", "service", "32", "25.0", "100.0", "300.0", "2", "1.5%"]
    bar = next(line for line in shown if line.startswith("demo: against LitServe"))
    assert bar.split()[-4:] == ["≥", "1.4×", "1.72×", "met"]
    assert "infinity: not installed" in shown


def test_the_document_is_json_without_nan() -> None:
    document = report.document([RESULT], Options(rows=("throughput",)))
    again = json.loads(json.dumps(document, allow_nan=False))
    service, idle = again["results"][0]["series"]
    assert service["per_second"] == 25
    assert service["rounds"][0]["errors"] == {"status 503": 2}
    assert idle["p99_ms"] is None


def test_a_result_is_written_into_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    document = report.document([RESULT], Options(rows=("throughput",)))
    path = report.write(document, tmp_path / "results")
    assert json.loads(path.read_text())["results"] == document["results"]
