"""Output formats of rankings: a table for people, lines for programs."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Protocol

from clip_api_client.cli.terminal import rich_for, visible
from clip_api_client.errors import ItemError
from clip_api_client.results import Candidate

HEADER = ("image", "place", "label", "probability", "cosine_similarity")
TOP, MANY = 5, 20


class Writer(Protocol):
    """Prints one image after another."""

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        """Print an image's candidates, the best first."""

    def write_failed(self, name: str, error: ItemError) -> None:
        """Print an image that failed; the error is on standard error too."""


class Lines:
    """Tab-separated: image, place, label, probability, cosine similarity."""

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        for row in _rows(name, candidates):
            print("\t".join(visible(str(cell)) for cell in row))

    def write_failed(self, name: str, error: ItemError) -> None: ...


class Csv:
    """Comma-separated, with a header."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(HEADER)

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        rows = _rows(name, candidates)
        if sys.stdout.isatty():
            rows = [tuple(visible(str(cell)) for cell in row) for row in rows]
        self._writer.writerows(rows)

    def write_failed(self, name: str, error: ItemError) -> None: ...


class Json:
    """One JSON object per line, for each image."""

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        ranked = [
            {
                "label": each.label,
                "probability": each.probability,
                "cosine_similarity": each.cosine_similarity,
            }
            for each in candidates
        ]
        print(json.dumps({"image": name, "candidates": ranked}, ensure_ascii=False))

    def write_failed(self, name: str, error: ItemError) -> None:
        fault = {"code": error.code, "detail": error.detail}
        print(json.dumps({"image": name, "error": fault}, ensure_ascii=False))


def writer(form: str | None, names: Sequence[str], labels: Sequence[str]) -> Writer:
    """The requested format; by default a table on a terminal, and lines elsewhere."""
    if form == "json":
        return Json()
    if form == "csv":
        return Csv()
    if rich_for(sys.stdout):
        from clip_api_client.cli.rank_table import RankTable  # noqa: PLC0415 - needs an extra

        return RankTable(names, labels)
    return Lines()


def top_of(form: str | None, images: int) -> int | None:
    """The default number of candidates to print; None for all."""
    if form is not None or not sys.stdout.isatty():
        return None
    return 1 if images > MANY else TOP


def _rows(name: str, candidates: Sequence[Candidate]) -> list[tuple[object, ...]]:
    return [
        (name, place, each.label, each.probability, each.cosine_similarity)
        for place, each in enumerate(candidates, 1)
    ]
