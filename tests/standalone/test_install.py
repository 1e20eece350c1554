"""`python -m standalone.install`, which runs pip for `make`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from standalone.install import stage_of
from tests.processes import ROOT


def install(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "standalone.install", "the client", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_installs_and_says_so_in_a_few_lines(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "client", tmp_path / "source")
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    ended = install(*offline, "--target", tmp_path / "installed", tmp_path / "source")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "installed" / "clip_api_client").is_dir()
    first, *_, last = ended.stdout.splitlines()
    assert first == "Installing the client …"
    assert last.startswith("Installing the client: done after")
    assert len(ended.stdout.splitlines()) < 8
    assert ended.stderr == ""


def test_a_failure_shows_what_pip_says() -> None:
    ended = install("--no-index", "no-such-package-of-this-name")
    assert ended.returncode == 1
    assert "No matching distribution found for no-such-package-of-this-name" in ended.stderr
    assert "done" not in ended.stdout


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        (
            "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (190.1 MB)",
            "downloading torch-2.13.0 (190.1 MB)",
        ),
        ("  Using cached numpy-2.4.0.tar.gz (20.4 MB)", "downloading numpy-2.4.0.tar.gz (20.4 MB)"),
        ("  Downloading idna-3.20-py3-none-any.whl (70 kB)", None),
        ("Collecting torch==2.13.0", None),
        ("Installing collected packages: a, b, c", "unpacking"),
    ],
)
def test_the_stages(line: str, stage: str | None) -> None:
    assert stage_of(line) == stage
