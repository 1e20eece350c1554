"""`make bench-gpu`: every step in its own process, each figure at once, a table at the end.

A step that fails, hangs or breaks its device does not affect the others.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from bench.gpu.figure import Figure, obey_signals, parsed
from bench.gpu.options import Options, parse
from bench.gpu.verdict import verdicts
from bench.processes import ROOT
from bench.progress import Progress
from bench.report import table

BUDGETS_S = {"card": 40, "forward": 75, "decode": 40, "service": 90, "paths": 110}
"""The steps in their order, and the longest that one may take for one model."""
QUICK_PATIENCE = 3
"""The harness may be tried on a machine that is busy with something else."""
OF_EACH_MODEL = ("forward", "service")
GOODBYE_S = 15.0


class Record:
    """Everything that was found, on the screen and in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._progress = Progress()
        self.found: list[tuple[str, Figure]] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def say(self, what: str) -> None:
        self._progress.say(what)

    def note(self, step: str, figure: Figure) -> None:
        self.found.append((step, figure))
        self.say(f"  {figure.model:<9} {figure.what}: {figure.shown}")
        lines = [{"step": step, **asdict(figure)} for step, figure in self.found]
        self._path.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n")

    def text(self) -> str:
        """The numbers; what takes words has been shown."""
        rows = [
            (f"{figure.model or '-':<9} {figure.what}", figure.shown)
            for _, figure in self.found
            if not isinstance(figure.value, str)
        ]
        return table(("", "measured"), rows)


def main(words: Sequence[str]) -> int:
    options = parse(words, list(BUDGETS_S))
    record = Record(options.folder / "gpu.json")
    deadline = time.monotonic() + options.limit_s
    failed = []
    for step, model in _plan(options):
        budget_s = BUDGETS_S[step] * (QUICK_PATIENCE if options.quick else 1)
        left_s = min(budget_s, deadline - time.monotonic())
        record.say(f"{step} {model}".strip())
        if left_s <= 0 or not _run(step, model, options, left_s, record):
            failed.append(f"{step} {model}".strip())
            record.say(f"  {failed[-1]} came to no end within its time, or failed")
    print(f"\n{record.text()}\n", flush=True)
    for line in verdicts(figure for _, figure in record.found):
        print(line, flush=True)
    return 1 if failed else 0


def _plan(options: Options) -> Iterator[tuple[str, str]]:
    for step in options.steps:
        for model in options.models if step in OF_EACH_MODEL else ("",):
            yield step, model


def _run(step: str, model: str, options: Options, limit_s: float, record: Record) -> bool:
    """Whether a step went well; its output is shown, and its figures are kept."""
    command = [sys.executable, "-m", f"bench.gpu.{step}", *options.words()]
    if model:
        command += ["--models", model]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        clock = threading.Timer(limit_s, _end, [process])
        clock.start()
        try:
            assert process.stdout
            for line in process.stdout:
                figure = parsed(line)
                if figure:
                    record.note(step, figure)
                else:
                    print(f"        {line.rstrip()[:400]}", flush=True)
        finally:
            clock.cancel()
            _end(process)
    return process.returncode == 0


def _end(process: subprocess.Popen[str]) -> None:
    """In order, so that it can end what it has started; or else at once."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GOODBYE_S)
        process.kill()


if __name__ == "__main__":
    obey_signals()
    sys.exit(main(sys.argv[1:]))
