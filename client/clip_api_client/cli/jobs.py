"""The command `clip-api jobs`."""

import sys
from argparse import Namespace
from itertools import islice

from clip_api_client.answers import JobDocument
from clip_api_client.cli.exits import FINE, SOME_FAILED
from clip_api_client.cli.progress import bar
from clip_api_client.cli.rankings import TOP
from clip_api_client.cli.terminal import complain, in_words, rich_for, visible
from clip_api_client.client import Client
from clip_api_client.core import AnyResults
from clip_api_client.errors import ClipError, RequestError
from clip_api_client.job import Job
from clip_api_client.results import Ranked

DETAILS = {"model", "timings", "errors", "truncated", "transparent", "labels", "result"}
"""What a list of jobs does not contain."""


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
    elif rich_for(sys.stdout):
        from clip_api_client.cli.tables import print_jobs  # noqa: PLC0415 - needs an extra

        print_jobs([job.document for job in found])
    else:
        for job in found:
            print(*_row(job.document).values(), in_words(job.metadata), sep="\t")
    return FINE


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
        for name, value in _row(document).items():
            print(f"{name}\t{value}")
        print(f"model\t{visible(document.model.name) if document.model else ''}")
        for key, value in job.metadata.items():
            print(f"metadata\t{visible(key)}\t{visible(value)}")
        for fault in job.errors:
            print(f"error\t{fault.pointer}\t{fault.code}\t{fault.detail}")
        for kind, pointers in (
            ("truncated", document.truncated),
            ("transparent", document.transparent),
        ):
            for pointer in pointers:
                print(f"{kind}\t{pointer}")
        _print_best(job.result)
    is_fine = document.status in ("queued", "running", "done") and not document.errors
    return FINE if is_fine else SOME_FAILED


def _print_best(result: AnyResults | None) -> None:
    """Print the best candidates of each query: a job does not store the names of its queries."""
    for row in result or ():
        if isinstance(row, Ranked) and row.error is None:
            best = [
                f"{visible(each.label)} {each.probability:.4f}" for each in row.candidates[:TOP]
            ]
            print(f"query {row.index}", *best, sep="\t")


def _end(given: Namespace, client: Client) -> int:
    """Cancel or delete jobs; continue if one does not exist or has ended."""
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


def _row(job: JobDocument) -> dict[str, object]:
    count, took_s = job.progress, job.took_s
    return {
        "job": visible(job.id),
        "kind": visible(job.kind),
        "status": job.status,
        "done": count.done,
        "failed": count.failed,
        "total": count.total,
        "created": job.created_at.isoformat(timespec="seconds"),
        "seconds": "-" if took_s is None else f"{took_s:.1f}",
    }
