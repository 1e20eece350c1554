"""The line of progress, without a terminal and on one."""

import io

import pytest

from standalone.progress import Progress


def test_without_a_terminal_each_stage_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("Starting")
    for stage in ("loading", "loading", "", "warming up"):
        progress.tick(stage)
    progress.done("ready")
    assert capsys.readouterr().out.splitlines() == [
        "Starting …",
        "  loading …",
        "  warming up …",
        "Starting: ready after 0.0 s",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_others_do_not_share(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    progress = Progress("Starting")
    progress.tick("downloading a very long name of a model 1 of 2 MB")
    progress.tick("loading")
    progress.clear()
    before = terminal.getvalue()
    assert before.startswith("\r| Starting: downloading a very long nam\r/ Starting: loading … 0 s")
    # Blanked, with the cursor in the first column.
    assert before.endswith(f"\r{' ' * len('/ Starting: loading … 0 s')}\r")
    progress.done("ready")
    assert terminal.getvalue().removeprefix(before).lstrip("\r") == "Starting: ready after 0.0 s\n"
