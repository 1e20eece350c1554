"""The command `clip-api encode`."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clip_api_client.cli.exits import UsageError
from clip_api_client.cli.inputs import images
from clip_api_client.cli.progress import bar
from clip_api_client.cli.summary import Summary
from clip_api_client.cli.terminal import complain, visible
from clip_api_client.client import Client
from clip_api_client.errors import ItemError
from clip_api_client.npy import NpyWriter
from clip_api_client.results import Encoded

SHOWN = 6

Write = Callable[[str, Encoded], None]


def run(given: Namespace, client: Client) -> int:
    inputs = images(given)
    names = [each.name for each in inputs] + given.text
    if not names:
        raise UsageError("give images (files, folders, URLs, -, --files-from) or --text")
    summary = Summary("encoded", "text", len(names), given)
    with summary, _output(given, len(names)) as write, bar(len(names), quiet=given.quiet) as drawn:
        rows = client.encode_each(
            [each.source for each in inputs],
            given.text,
            model=given.model,
            alpha=given.alpha,
            allow_partial=True,
            progress=summary.following(drawn),
        )
        for row in rows:
            with drawn.aside(row.index):
                if row.error:
                    summary.failed(names[row.index], row.error)
                else:
                    summary.succeeded()
                write(names[row.index], row)
    return summary.code


@contextmanager
def _output(given: Namespace, rows: int) -> Iterator[Write]:
    if given.npy:
        with _npy(given.npy, rows, quiet=given.quiet) as write:
            yield write
    elif given.format == "json":
        yield _write_json
    else:
        yield _show if sys.stdout.isatty() else _write_line


@contextmanager
def _npy(path: str, rows: int, *, quiet: bool) -> Iterator[Write]:
    """Write to FILE.part, and rename it when it is complete; if not, keep the rows it has."""
    unfinished = Path(f"{path}.part")
    if Path(path).is_dir():
        raise UsageError(f"{path} could not be written: it is a folder")
    try:
        file = unfinished.open("wb")
    except OSError as error:
        raise UsageError(f"{path} could not be written: {error.strerror}") from error
    with file:
        writer = NpyWriter(file, rows)
        try:
            yield lambda _, row: writer.write(row.vector)
            writer.close()
        except BaseException:
            _keep(unfinished, writer, rows)
            raise
    try:
        unfinished.replace(path)
    except OSError as error:
        complain(f"kept all rows in {unfinished}")
        raise UsageError(f"{path} could not be written: {error.strerror}") from error
    if not quiet:
        complain(f"wrote {rows} rows to {path}")


def _keep(unfinished: Path, writer: NpyWriter, rows: int) -> None:
    """Keep the rows so far as an array of their own, if there are any."""
    kept = False
    with suppress(OSError):  # the disk may be full
        kept = writer.close_early()
    if kept:
        complain(f"kept the first {writer.written} of {rows} rows in {unfinished}")
    else:
        unfinished.unlink(missing_ok=True)


def _write_json(name: str, row: Encoded) -> None:
    print(json.dumps({"name": name, **_embedding_of(row)}, ensure_ascii=False))


def _embedding_of(row: Encoded) -> dict[str, object]:
    if isinstance(row.error, ItemError):
        return {"error": {"code": row.error.code, "detail": row.error.detail}}
    return {"vector": row.vector}


def _write_line(name: str, row: Encoded) -> None:
    if row.vector is not None:
        print(visible(name), *row.vector, sep="\t")


def _show(name: str, row: Encoded) -> None:
    """Print the first numbers of a vector."""
    if row.vector is not None:
        numbers = "  ".join(f"{number:8.4f}" for number in row.vector[:SHOWN])
        print(f"{visible(name)}\n  {numbers}  … {len(row.vector)} numbers (--json for all)")
