"""The whole harness with a model that sleeps: it measures nothing, but nothing breaks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.memory import can_tell, descendants
from tests.processes import ROOT, wait_until

ROWS = "throughput,openai,dialects,candidates,fetching"
QUICK = ["--rounds", "1", "--seconds", "0.3", "--warm", "0.1", "--connections", "1,32"]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
    assert "≤ 30 ms" in shown


@pytest.mark.skipif(not can_tell(), reason="needs Linux")
def test_who_ends_it_early_ends_all_that_it_has_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--fake", "--only", "scaling"]
    with subprocess.Popen(
        [*command, "--results", str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL
    ) as bench:
        wait_until(lambda: len(descendants(bench.pid)) >= 5, "a service starts")
        started = descendants(bench.pid)[1:]
        bench.terminate()
        bench.wait(60)
    wait_until(lambda: not any(map(lives, started)), "they have ended")
