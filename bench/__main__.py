"""`make bench`: every row, a table, JSON and an image."""

import signal
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from bench import report
from bench.agreement import Disagree
from bench.load import NothingWorks
from bench.options import Options, parse
from bench.processes import DidNotStart
from bench.progress import Progress
from bench.rows import (
    bulk,
    cached,
    candidates,
    dialects,
    fetching,
    latency,
    memory,
    openai,
    scaling,
    throughput,
)
from bench.rows.row import Bench, Result, Run

ROWS: dict[str, Run] = {
    "throughput": throughput.run,
    "openai": openai.run,
    "dialects": dialects.run,
    "latency": latency.run,
    "candidates": candidates.run,
    "cached": cached.run,
    "bulk": bulk.run,
    "fetching": fetching.run,
    "scaling": scaling.run,
    "memory": memory.run,
}


def main(words: Sequence[str]) -> int:
    options = parse(words, list(ROWS))
    results, failures = _run(options)
    print(f"\n\n{report.text(results)}\n")
    found = report.document(results, options)
    path = report.write(found, options.results)
    print(f"All of it: {path}")
    print(_plot(found, path.with_suffix(".png")))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _run(options: Options) -> tuple[list[Result], list[str]]:
    """Run the selected rows. A row that fails does not affect the others."""
    results: list[Result] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        bench = Bench(options, Progress(), Path(folder))
        for name in options.rows:
            try:
                results += ROWS[name](bench)
            except (DidNotStart, NothingWorks, Disagree) as error:
                failures.append(f"{name} could not be measured: {error}")
                bench.progress.say(failures[-1])
    return results, failures


def _plot(found: dict[str, object], path: Path) -> str:
    if find_spec("matplotlib") is None:
        return "No image: matplotlib is not installed (`make bench` installs it)."
    from bench import plot  # noqa: PLC0415 - not everybody who runs this has it

    plot.draw(found, path)
    return f"As an image: {path}"


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # However this ends, the processes that it started must end too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    sys.exit(main(sys.argv[1:]))
