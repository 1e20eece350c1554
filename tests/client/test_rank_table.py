"""The table of rankings, on terminals of several widths."""

import pytest
from clip_api_client.cli.rank_table import RankTable
from clip_api_client.results import Candidate

LABELS = ["t-shirt", "a pair of very dark sunglasses"]
NAMES = ["photos/jeans.png", "photos/pizza.png"]


def lines(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    columns: int = 80,
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    table = RankTable(names, LABELS)
    candidates = [Candidate(place, label, 0.5, 0.3) for place, label in enumerate(LABELS)]
    table.write(names[0], candidates)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_label_is_whole_if_there_is_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = lines(capsys, monkeypatch, ["a.png"])
    assert "…" not in "".join(shown)
    assert LABELS[1] in shown[2]
    assert all(len(line) <= 80 for line in shown)


def test_a_long_name_leaves_half_of_the_room_to_labels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = lines(capsys, monkeypatch, [f"{'long-' * 20}.png"], columns=70)
    assert "a pair of v" in shown[2]
    assert "long-long" in shown[1]
    assert all(len(line) <= 70 for line in shown)
