"""A table of rankings that is printed row by row, with widths that are fixed at the start."""

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clip_api_client.cli.terminal import visible
from clip_api_client.errors import ItemError
from clip_api_client.results import Candidate

BAR_CELLS = 24
PERCENT_CELLS, COSINE_CELLS = 6, 6
PADDING = 2
NARROWEST = 8
EIGHTHS = " ▏▎▍▌▋▊▉"
ASCII_CELL = "#"


class RankTable:
    """Image, label, probability as a number and as a bar, cosine similarity."""

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self._console = Console(highlight=False)
        self._has_blocks = self._console.encoding.lower().startswith("utf")
        self._bar_cells = BAR_CELLS if self._console.width >= 3 * BAR_CELLS else 0
        fixed = PERCENT_CELLS + COSINE_CELLS + self._bar_cells + 4 * PADDING
        room = max(2 * NARROWEST, self._console.width - fixed)
        longest = _longest([*map(visible, labels), "Label"])
        shown = [visible(name) for name in names]
        # If full paths do not fit, show the file names.
        self._is_short = _longest(shown) > max(NARROWEST, room - min(longest, room // 2))
        if self._is_short:
            shown = [Path(name).name for name in shown]
        name_cells = _longest([*shown, "Image"])
        self._label_cells = min(longest, max(NARROWEST, room // 2, room - name_cells))
        self._name_cells = min(name_cells, max(NARROWEST, room - self._label_cells))
        self._has_header = False

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        table = self._table()
        for place, each in enumerate(candidates):
            style = "bold" if place == 0 else "dim"
            table.add_row(
                self._name(name) if place == 0 else "",
                Text(visible(each.label), style),
                Text(_percent(each.probability), style),
                Text(self._bar(each.probability), "green" if place == 0 else "dim green"),
                Text(f"{each.cosine_similarity:.3f}", "dim"),
            )
        self._console.print(table)

    def write_failed(self, name: str, error: ItemError) -> None: ...

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, PADDING, 0, 0), pad_edge=False, header_style="dim")
        table.show_header = not self._has_header
        self._has_header = True
        whole = {"no_wrap": True, "overflow": "ellipsis"}
        table.add_column("Image", width=self._name_cells, **whole)  # type: ignore[arg-type]
        table.add_column("Label", width=self._label_cells, **whole)  # type: ignore[arg-type]
        table.add_column("Prob.", width=PERCENT_CELLS, justify="right")
        table.add_column("", width=self._bar_cells, no_wrap=True)
        table.add_column("Cosine", width=COSINE_CELLS, justify="right")
        return table

    def _name(self, name: str) -> Text:
        shown = visible(name)
        return Text(Path(shown).name if self._is_short else shown)

    def _bar(self, probability: float) -> str:
        eighths = round(max(0.0, min(1.0, probability)) * self._bar_cells * 8)
        if not self._has_blocks:
            return ASCII_CELL * (eighths // 8)
        return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _percent(probability: float) -> str:
    """A percentage; a plain number for logits."""
    return f"{probability:.1%}" if 0 <= probability <= 1 else f"{probability:.2f}"


def _longest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts))
