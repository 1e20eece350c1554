"""What `make bench ARGS="…"` understands."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ROOT

RESULTS = ROOT / "bench" / "results"
CONNECTIONS = (1, 8, 32, 128)
MODELS = ("demo", "tinyclip-8m-16", "vit-b-32")
DTYPES = ("float32", "bfloat16", "int8")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run.

    `dtypes` are the precisions in which throughput is measured. `seconds` is the length of one
    measurement, `warm_s` that of the warm-up before it. With `fake` the service's model sleeps and
    is not compared with a bare model: that only tests the harness.
    """

    rows: tuple[str, ...]
    models: tuple[str, ...] = MODELS
    dtypes: tuple[str, ...] = DTYPES
    connections: tuple[int, ...] = CONNECTIONS
    rounds: int = 3
    seconds: float = 5.0
    warm_s: float = 1.0
    memory_requests: tuple[int, int] = (2_000, 20_000)
    fake: bool = False
    results: Path = RESULTS


def parse(words: Sequence[str], rows: Sequence[str]) -> Options:
    """Read the command line, or exit with an error message."""
    parser = argparse.ArgumentParser("bench", description="Compare the service with its targets.")
    add = parser.add_argument
    add("--only", type=_names(rows), default=tuple(rows), help=f"from {','.join(rows)}")
    add("--models", type=_names(MODELS), default=MODELS, help=f"from {','.join(MODELS)}")
    add("--dtypes", type=_names(DTYPES), default=DTYPES, help=f"from {','.join(DTYPES)}")
    add("--connections", type=_counts, default=CONNECTIONS, help="for example 1,32")
    add("--rounds", type=int, default=3, help="number of rounds")
    add("--seconds", type=float, default=5.0, help="length of one measurement")
    add("--warm", type=float, default=1.0, help="seconds of warm-up before each measurement")
    add(
        "--memory-requests",
        type=_counts,
        default=(2_000, 20_000),
        help="the two numbers of requests to compare",
    )
    add("--results", type=Path, default=RESULTS, help="folder of the JSON and the plot")
    add("--fake", action="store_true", help="test the harness with a model that sleeps")
    given = parser.parse_args(words)
    if len(given.memory_requests) != 2:  # noqa: PLR2004 - before and after
        parser.error("--memory-requests takes two numbers")
    return Options(
        rows=given.only,
        models=given.models,
        dtypes=given.dtypes,
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
