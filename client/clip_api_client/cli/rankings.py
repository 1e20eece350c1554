"""How rankings are printed: a table for people, lines for programs."""

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
        """Print an image that failed; standard error tells of it in any case."""


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
        self._writer.writerows(_rows(name, candidates))

    def write_failed(self, name: str, error: ItemError) -> None: ...


class Json:
    """A JSON object for each image, a line each."""

    def write(self, name: str, candidates: Sequence[Candidate]) -> None:
        told = [
            {
                "label": each.label,
                "probability": each.probability,
                "cosine_similarity": each.cosine_similarity,
            }
            for each in candidates
        ]
        print(json.dumps({"image": name, "candidates": told}, ensure_ascii=False))

    def write_failed(self, name: str, error: ItemError) -> None:
        told = {"code": error.code, "detail": error.detail}
        print(json.dumps({"image": name, "error": told}, ensure_ascii=False))


def writer(form: str | None, names: Sequence[str], labels: Sequence[str]) -> Writer:
    """What was asked for; else a table on a terminal, and lines elsewhere."""
    if form == "json":
        return Json()
    if form == "csv":
        return Csv()
    if rich_for(sys.stdout):
        from clip_api_client.cli.rank_table import RankTable  # noqa: PLC0415 - needs an extra

        return RankTable(names, labels)
    return Lines()


def top_of(form: str | None, images: int) -> int | None:
    """How many candidates are printed where nothing is said: None is all of them."""
    if form is not None or not sys.stdout.isatty():
        return None
    return 1 if images > MANY else TOP


def _rows(name: str, candidates: Sequence[Candidate]) -> list[tuple[object, ...]]:
    return [
        (name, place, each.label, each.probability, each.cosine_similarity)
        for place, each in enumerate(candidates, 1)
    ]
