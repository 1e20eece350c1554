"""Tables of evaluations on a terminal: accuracy by model, then the worst labels of each."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clip_api_client.cli.evaluation import Evaluation, LabelCounts
from clip_api_client.cli.evaluation_output import worst
from clip_api_client.cli.terminal import visible

WORST, CONFUSIONS = 5, 3


def print_tables(evaluations: Sequence[Evaluation], folder: str, limit: int | None) -> None:
    """Print the tables. Paths of examples are relative to the folder, so that they are short."""
    console = Console(highlight=False)
    console.print(_models(evaluations))
    for each in evaluations:
        wrong = [counts for counts in worst(each, None) if counts.first < counts.images]
        shown = wrong[: WORST if limit is None else limit or None]
        if shown:
            console.print()
            console.print(Text(f"{visible(each.model)}: the worst of {each.labels} labels", "bold"))
            console.print(_labels(shown, folder))


def _models(evaluations: Sequence[Evaluation]) -> Table:
    table = _table("Model", "Precision")
    has_failed = any(each.total.failed for each in evaluations)
    has_top_5 = any(each.has_top_5 for each in evaluations)
    names = ("Images", *["Failed"] * has_failed, "Top 1", *["Top 5"] * has_top_5)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for each in evaluations:
        total = each.total
        table.add_row(
            Text(visible(each.model)),
            Text(visible(each.precision)),
            f"{total.images:,}",
            *[Text(f"{total.failed:,}", "red" if total.failed else "")] * has_failed,
            Text(_percent(total.top_1), "bold"),
            *[_percent(total.top_5)] * has_top_5,
        )
    return table


def _labels(labels: Sequence[LabelCounts], folder: str) -> Table:
    table = _table("Label")
    table.add_column("Images", justify="right", no_wrap=True)
    table.add_column("Top 1", justify="right", no_wrap=True)
    table.add_column("Taken for", overflow="ellipsis", no_wrap=True)
    table.add_column("Example", style="dim", overflow="fold")
    for each in labels:
        for place, other in enumerate(each.confusions[:CONFUSIONS]):
            about = (Text(visible(each.label)), f"{each.images:,}", _percent(each.top_1))
            table.add_row(
                *(about if place == 0 else ("", "", "")),
                Text(f"{visible(other.label)} ({other.images:,})"),
                Text(visible(str(Path(other.example).relative_to(folder)))),
            )
    return table


def _table(*left: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in left:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
