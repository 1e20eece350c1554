"""Rankings as CSV: what a terminal gets, and what a file gets."""

import pytest
from clip_api_client.cli.rankings import Csv
from clip_api_client.results import Candidate


@pytest.mark.parametrize(
    ("is_terminal", "name", "label"),
    [(True, "a\ufffd.png", "\ufffd[31mred"), (False, "a\x1b.png", "\x1b[31mred")],
)
def test_only_a_terminal_gets_no_control_characters(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    name: str,
    label: str,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    Csv().write("a\x1b.png", [Candidate(0, "\x1b[31mred", 0.5, 0.3)])
    row = capsys.readouterr().out.splitlines()[1]
    assert row == f"{name},1,{label},0.5,0.3"
