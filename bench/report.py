"""The report of a run: tables for people, JSON for programs."""

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.bars import Verdict
from bench.figures import Sample, Series
from bench.options import Options
from bench.processes import ROOT
from bench.rows.row import Result

PACKAGES = ("torch", "transformers", "pillow", "celery", "redis", "gunicorn", "flask")
POINT_HEAD = ("", "connections", "per second", "p50 ms", "p99 ms", "errors", "generator")
VERDICT_HEAD = ("", "bar", "measured", "")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need be, the first flush left and all others flush right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = tuple("─" * width for width in widths)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (lines[0], rule, *lines[1:])
    )


def text(results: Sequence[Result]) -> str:
    """All results, the targets last."""
    blocks = []
    for result in results:
        notes = "".join(f"\n{name}: {note}" for name, note in result.notes.items())
        blocks.append(f"{result.title}\n\n{table(POINT_HEAD, map(_point, result.series))}{notes}")
    verdicts = [verdict for result in results for verdict in result.verdicts]
    blocks.append("bars\n\n" + table(VERDICT_HEAD, map(_verdict, verdicts)))
    return "\n\n\n".join(blocks)


def document(results: Sequence[Result], options: Options) -> dict[str, Any]:
    """The same and more, for JSON; every round's figures are in it."""
    return {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _commit(),
        "machine": _machine(),
        "options": {**asdict(options), "results": None},
        "results": [
            {
                "title": result.title,
                "notes": dict(result.notes),
                "series": [_series(series) for series in result.series],
                "bars": [_verdict_document(verdict) for verdict in result.verdicts],
            }
            for result in results
        ],
    }


def write(found: dict[str, Any], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['taken_at'].replace(':', '')}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return path


def _point(series: Series) -> tuple[str, ...]:
    return (
        series.contender,
        str(series.connections),
        _number(series.rate),
        _number(series.p50_ms),
        _number(series.p99_ms),
        str(series.failed),
        f"{series.middle(lambda sample: sample.generator_share):.1%}",
    )


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    return (verdict.what, str(verdict.bar), verdict.shown, verdict.outcome)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _series(series: Series) -> dict[str, Any]:
    return {
        "contender": series.contender,
        "connections": series.connections,
        "per_second": _finite(series.rate),
        "p50_ms": _finite(series.p50_ms),
        "p99_ms": _finite(series.p99_ms),
        "rounds": [_sample(sample) for sample in series.samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "seconds": round(sample.seconds, 3),
        "done": sample.done,
        "p50_ms": _finite(sample.latency_ms(0.5)),
        "p99_ms": _finite(sample.latency_ms(0.99)),
        "errors": sample.errors,
        "generator_share": round(sample.generator_share, 4),
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "what": verdict.what,
        "bar": str(verdict.bar),
        "measured": _finite(verdict.measured),
        "shown": verdict.shown,
        "outcome": verdict.outcome,
    }


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return round(value, 4) if math.isfinite(value) else None


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None
