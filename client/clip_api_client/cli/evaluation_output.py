"""Output formats of evaluations: tables for people, lines for programs."""

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

from clip_api_client.cli.evaluation import Counts, Evaluation, LabelCounts
from clip_api_client.cli.terminal import rich_for, visible

HEADER = (
    *("model", "precision", "label", "images", "failed", "top_1", "top_5"),
    *("taken_for", "taken_for_images", "example"),
)
DIGITS = 4

Row = tuple[object, ...]


def show(evaluations: Sequence[Evaluation], given: Namespace) -> None:
    """Print evaluations in the requested format; by default tables on a terminal, else lines."""
    if not evaluations:
        return
    if given.format == "json":
        for each in evaluations:
            print(json.dumps(_document(each, given.worst), ensure_ascii=False))
    elif given.format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(HEADER)
        rows = _rows(evaluations, given.worst)
        writer.writerows(map(_visible, rows) if sys.stdout.isatty() else rows)
    elif rich_for(sys.stdout):
        from clip_api_client.cli.evaluation_table import print_tables  # noqa: PLC0415 - an extra

        print_tables(evaluations, given.folder, given.worst)
    else:
        for row in _rows(evaluations, given.worst):
            print(*_visible(row), sep="\t")


def worst(evaluation: Evaluation, limit: int | None) -> list[LabelCounts]:
    """The labels to list; without a limit, or with 0, all."""
    return evaluation.by_label()[: limit or None]


def _document(evaluation: Evaluation, limit: int | None) -> dict[str, object]:
    return {
        "model": evaluation.model,
        "precision": evaluation.precision,
        **_numbers(evaluation, evaluation.total),
        "labels": [
            {
                "label": each.label,
                **_numbers(evaluation, each),
                "taken_for": [
                    {"label": other.label, "images": other.images, "example": other.example}
                    for other in each.confusions
                ],
            }
            for each in worst(evaluation, limit)
        ],
    }


def _rows(evaluations: Sequence[Evaluation], limit: int | None) -> Iterator[Row]:
    """A row for each model, followed by one for each of its labels."""
    for each in evaluations:
        model = (each.model, each.precision)
        yield (*model, "", *_cells(each, each.total), "", "", "")
        for counts in worst(each, limit):
            other = counts.confusions[0] if counts.confusions else None
            taken_for = (other.label, other.images, other.example) if other else ("", "", "")
            yield (*model, counts.label, *_cells(each, counts), *taken_for)


def _numbers(evaluation: Evaluation, counts: Counts) -> dict[str, object]:
    """The numbers of all labels, or of one. With five labels or fewer, the first five are all."""
    top_5 = _rounded(counts.top_5) if evaluation.has_top_5 else None
    return {
        "images": counts.images,
        "failed": counts.failed,
        "top_1": _rounded(counts.top_1),
        "top_5": top_5,
    }


def _cells(evaluation: Evaluation, counts: Counts) -> Iterator[object]:
    return ("" if each is None else each for each in _numbers(evaluation, counts).values())


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DIGITS)


def _visible(row: Row) -> list[str]:
    return [visible(str(cell)) for cell in row]
