"""Tracing is an extra: off by default, and then nothing of it is there."""

import re
import subprocess
import sys

import pytest

from tests.processes import ROOT

API = "from api.assembly import assemble; from api.settings import ApiSettings"
ASSEMBLED = f"{API}; assemble(ApiSettings(tracing=%s))"
WORKER = "import worker.app"
# Where it is installed, redis-py loads other parts of OpenTelemetry by itself.
LOADED = "; import sys; print('opentelemetry.exporter' in sys.modules)"
WITHOUT_PACKAGES = "import sys; sys.modules['opentelemetry'] = None; "


def python(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", [ASSEMBLED % False, WORKER])
def test_nothing_is_loaded_unless_asked_for(script: str) -> None:
    ended = python(script + LOADED)
    assert ended.stdout == "False\n", ended.stderr


def test_it_is_loaded_when_asked_for() -> None:
    ended = python(ASSEMBLED % True + LOADED)
    assert ended.stdout == "True\n", ended.stderr


@pytest.mark.parametrize("script", ["import api.wsgi", WORKER])
def test_without_its_packages_the_process_ends_and_says_what_it_needs(script: str) -> None:
    ended = python(WITHOUT_PACKAGES + script, CLIP_TRACING="true")
    assert ended.returncode == 2
    assert "CLIP_TRACING: needs the packages of requirements/tracing.txt" in ended.stderr


@pytest.mark.parametrize("script", ["import api.wsgi", WORKER])
def test_without_its_packages_everything_else_works(script: str) -> None:
    assert python(WITHOUT_PACKAGES + script).returncode == 0


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("process", ["api", "worker"])
def test_it_pins_nothing_otherwise_than_the_process_that_it_is_added_to(process: str) -> None:
    extra, there = pins("tracing"), pins(process)
    assert extra.keys() & there.keys()
    assert {name: there.get(name, pin) for name, pin in extra.items()} == extra
