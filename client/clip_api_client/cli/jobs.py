"""The command `clip-api jobs`."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from clip_api_client.answers import JobDocument
from clip_api_client.cli.exits import FINE, SOME_FAILED
from clip_api_client.cli.progress import bar
from clip_api_client.cli.rankings import TOP
from clip_api_client.cli.terminal import complain, rich_for, visible
from clip_api_client.client import Client, Job
from clip_api_client.core import AnyResults
from clip_api_client.errors import ClipError, RequestError
from clip_api_client.results import Ranked

COLUMNS = ("job", "kind", "status", "done", "failed", "total", "created", "seconds")
STYLES = {"done": "green", "running": "cyan", "failed": "red", "expired": "red"}


def run(given: Namespace, client: Client) -> int:
    match given.action:
        case "list":
            return _list(given, client)
        case "show":
            return _show(client.job(given.job), given)
        case "wait":
            return _wait(given, client)
        case _:
            return _end(given, client)


def _list(given: Namespace, client: Client) -> int:
    found = islice(client.jobs(given.status), given.limit)
    if given.format == "json":
        for job in found:
            print(job.document.model_dump_json(include=set(JobDocument.model_fields) - DETAILS))
    else:
        _print_table(COLUMNS, [_row(job.document) for job in found])
    return FINE


DETAILS = {"model", "timings", "errors", "truncated", "result"}
"""What a list does not tell."""


def _wait(given: Namespace, client: Client) -> int:
    job = client.job(given.job)
    with bar(job.progress.total, quiet=given.quiet) as progress:
        try:
            job.wait(progress=progress)
        except ClipError:
            if not job.has_ended:
                raise
    return _show(job, given)


def _show(job: Job[AnyResults], given: Namespace) -> int:
    document = job.document
    if given.format == "json":
        print(document.model_dump_json())
    else:
        for name, value in zip(COLUMNS, _row(document), strict=True):
            print(f"{name}\t{value}")
        print(f"model\t{visible(document.model.name) if document.model else ''}")
        for fault in job.errors:
            print(f"error\t{fault.pointer}\t{fault.code}\t{fault.detail}")
        _print_best(job.result)
    is_fine = document.status in ("queued", "running", "done") and not document.errors
    return FINE if is_fine else SOME_FAILED


def _print_best(result: AnyResults | None) -> None:
    """The best candidates of each query, by number: their names are with whoever sent the job."""
    for row in result or ():
        if isinstance(row, Ranked) and row.error is None:
            best = "\t".join(
                f"{each.label} {each.probability:.4f}" for each in row.candidates[:TOP]
            )
            print(f"query {row.index}\t{best}")


def _end(given: Namespace, client: Client) -> int:
    """Go on with the others where one is none any more, or has ended."""
    code = FINE
    for name in given.job:
        try:
            if given.action == "cancel":
                client.cancel(name)
            else:
                client.delete(name)
        except RequestError as error:
            code = SOME_FAILED
            complain(f"{name}: {error.detail}")
        else:
            print(f"{name}\t{'cancelled' if given.action == 'cancel' else 'deleted'}")
    return code


def _row(job: JobDocument) -> tuple[str, ...]:
    count = job.progress
    end = job.finished_at or (datetime.now(job.created_at.tzinfo) if job.started_at else None)
    took_s = f"{(end - job.started_at).total_seconds():.1f}" if end and job.started_at else "-"
    created = job.created_at.astimezone().isoformat(" ", "seconds")
    numbers = (str(count.done), str(count.failed), str(count.total))
    return (visible(job.id), visible(job.kind), job.status, *numbers, created, took_s)


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rich_for(sys.stdout):
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not rows:
        print("There are no jobs.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in header:
        is_number = name in ("done", "failed", "total", "seconds")
        table.add_column(
            name.capitalize(), justify="right" if is_number else "left", no_wrap=name != "created"
        )
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)
