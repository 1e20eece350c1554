"""The whole harness with a model that sleeps: it measures nothing, but nothing breaks."""

import json
import os
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.memory import can_tell, descendants

ROWS = "throughput,candidates"
QUICK = ["--rounds", "1", "--seconds", "0.3", "--warm", "0.1", "--connections", "1,32"]


def children() -> set[int]:
    return set(descendants(os.getpid())) if can_tell() else set()


def test_every_row_gives_figures_without_errors_and_leaves_nothing_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = children()
    status = main(
        ["--fake", "--only", ROWS, "--models", "demo", *QUICK, "--results", str(tmp_path)]
    )
    assert status == 0
    assert children() == before

    [path] = tmp_path.glob("*.json")
    results = json.loads(path.read_text())["results"]
    assert len(results) == len(ROWS.split(","))
    for series in (series for result in results for series in result["series"]):
        assert series["per_second"] > 0, series
        assert all(not sample["errors"] for sample in series["rounds"]), series

    shown = capsys.readouterr().out
    assert "1000 repeated candidates against 10" in shown
    assert "≤ 8 ms" in shown
