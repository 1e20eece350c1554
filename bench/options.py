"""What `make bench ARGS="…"` understands."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ROOT

RESULTS = ROOT / "bench" / "results"
CONNECTIONS = (1, 8, 32, 128)
MODELS = ("demo", "tinyclip-8m-16", "vit-b-32")


@dataclass(frozen=True, slots=True)
class Options:
    """Which rows, on what, and how thoroughly.

    `seconds` is the length of one measurement, `warm_s` the time before it in which nothing
    counts. With `fake` the service's model sleeps and nothing is compared with a bare model: that
    tries the harness, and measures nothing.
    """

    rows: tuple[str, ...]
    models: tuple[str, ...] = MODELS
    connections: tuple[int, ...] = CONNECTIONS
    rounds: int = 3
    seconds: float = 5.0
    warm_s: float = 1.0
    memory_requests: tuple[int, int] = (2_000, 20_000)
    fake: bool = False
    results: Path = RESULTS


def parse(words: Sequence[str], rows: Sequence[str]) -> Options:
    """Read the command line, or end the process with what is wrong with it."""
    parser = argparse.ArgumentParser("bench", description="Measure the service against its bars.")
    add = parser.add_argument
    add("--only", type=_names(rows), default=tuple(rows), help=f"of {','.join(rows)}")
    add("--models", type=_names(MODELS), default=MODELS, help=f"of {','.join(MODELS)}")
    add("--connections", type=_counts, default=CONNECTIONS, help="such as 1,32")
    add("--rounds", type=int, default=3, help="how often everything is measured")
    add("--seconds", type=float, default=5.0, help="length of one measurement")
    add("--warm", type=float, default=1.0, help="seconds before each that do not count")
    add("--memory-requests", type=_counts, default=(2_000, 20_000), help="the two to compare")
    add("--results", type=Path, default=RESULTS, help="folder of the JSON and the plot")
    add("--fake", action="store_true", help="try the harness with a model that sleeps")
    given = parser.parse_args(words)
    if len(given.memory_requests) != 2:  # noqa: PLR2004 - before and after
        parser.error("--memory-requests takes two numbers")
    return Options(
        rows=given.only,
        models=given.models,
        connections=given.connections,
        rounds=given.rounds,
        seconds=given.seconds,
        warm_s=given.warm,
        memory_requests=given.memory_requests,
        fake=given.fake,
        results=given.results,
    )


class _names:  # noqa: N801 - argparse shows the name of a type
    """A list of known names, separated by commas."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(self._known):
            raise argparse.ArgumentTypeError(f"{unknown.pop()!r} is none of {self._known}")
        return names


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(word) for word in text.split(","))
    if min(counts) < 1:
        raise argparse.ArgumentTypeError("counts are 1 at least")
    return counts
