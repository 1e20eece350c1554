"""Tables of jobs, label sets and models on a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clip_api_client.answers import JobDocument, LabelSet, Model
from clip_api_client.cli.models import row
from clip_api_client.cli.terminal import in_words, visible

STYLES = {"done": "green", "running": "cyan", "failed": "red", "expired": "red"}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


WIDE = 100
"""The columns of a terminal that has room for metadata."""


def print_jobs(jobs: Sequence[JobDocument]) -> None:
    console = Console(highlight=False)
    if not jobs:
        console.print("There are no jobs.")
        return
    table = _table(("Job", "Kind", "Status"), ("Done", "Failed", "Age", "Took"))
    has_metadata = console.width >= WIDE and any(job.metadata for job in jobs)
    if has_metadata:
        table.add_column("Metadata", no_wrap=True, overflow="ellipsis")
    now = datetime.now(UTC)
    for job in jobs:
        count, took_s = job.progress, job.took_s
        table.add_row(
            Text(visible(job.id)),
            Text(visible(job.kind)),
            Text(job.status, STYLES.get(job.status, "")),
            f"{count.done}/{count.total}",
            Text(str(count.failed), "red") if count.failed else "",
            duration((now - job.created_at).total_seconds()),
            "" if took_s is None else f"{took_s:.1f} s",
            *([Text(in_words(job.metadata), "dim")] if has_metadata else []),
        )
    console.print(table)


def print_label_sets(label_sets: Sequence[LabelSet]) -> None:
    console = Console(highlight=False)
    if not label_sets:
        console.print("There are no label sets.")
        return
    table = _table(("Label set",), ("Labels", "Age"))
    now = datetime.now(UTC)
    for each in label_sets:
        age = duration((now - each.created_at).total_seconds())
        table.add_row(Text(visible(each.name)), str(each.count), age)
    console.print(table)


def print_models(models: Sequence[Model]) -> None:
    """A few lines for each model: as columns of one table they would not fit."""
    console = Console(highlight=False)
    if not models:
        console.print("There are no models.")
    for model in models:
        name, *told = row(model).items()
        console.print(Text(visible(name[1]), "bold"), soft_wrap=True)
        table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for title, value in told:
            if value:
                table.add_row(f"  {title}", Text(visible(value)))
        console.print(table)


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    """A table with columns that are aligned to the left, then some to the right."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def duration(seconds: float) -> str:
    """A duration rounded down to one unit, such as 3 min."""
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return "0 s"
