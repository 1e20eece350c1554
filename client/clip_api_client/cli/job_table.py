"""A table of jobs on a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clip_api_client.answers import JobDocument
from clip_api_client.cli.terminal import visible

STYLES = {"done": "green", "running": "cyan", "failed": "red", "expired": "red"}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_jobs(jobs: Sequence[JobDocument]) -> None:
    console = Console(highlight=False)
    if not jobs:
        console.print("There are no jobs.")
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("Job", "Kind", "Status"):
        table.add_column(name, no_wrap=True)
    for name in ("Done", "Failed", "Age", "Took"):
        table.add_column(name, justify="right", no_wrap=True)
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
        )
    console.print(table)


def duration(seconds: float) -> str:
    """A duration rounded down to one unit, such as 3 min."""
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return "0 s"
