"""`python -m worker.tune` prints settings that a worker takes."""

import os
import subprocess

import pytest

from common.settings import read
from tests.forked import run_forked
from tests.processes import DEMO_MODEL, ROOT
from worker.settings import WorkerSettings


def tune(model: object) -> subprocess.CompletedProcess[str]:
    return run_forked(["-m", "worker.tune"], ROOT, {**os.environ, "CLIP_MODEL": str(model)})


def test_what_it_prints_are_settings_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    done = tune(DEMO_MODEL)
    comment, *lines = done.stdout.splitlines()
    assert comment.startswith(f"# {DEMO_MODEL}")
    assert [line.partition("=")[0] for line in lines] == ["CLIP_BATCH_SIZE", "CLIP_TORCH_THREADS"]
    for line in lines:
        monkeypatch.setenv(*line.split("="))
    settings = read(WorkerSettings)
    assert settings.batch_size > 0
    assert settings.torch_threads > 0


def test_a_model_that_does_not_load_is_said() -> None:
    done = tune(ROOT / "docs")
    assert done.returncode == 1
    assert done.stderr.startswith("CLIP_MODEL: ")
