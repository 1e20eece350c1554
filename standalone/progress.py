"""What is shown while a process works. Standard library only, because it shows the installation."""

import itertools
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import IO

SPINNER = "|/-\\"


class Progress:
    """A line with a spinner, the stage and the seconds; without a terminal, a line per stage."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._stage = ""
        self._started = time.monotonic()
        self._frames = itertools.cycle(SPINNER)
        self._is_live = sys.stdout.isatty()
        self._width = 0
        if not self._is_live:
            print(f"{what} …", flush=True)

    def tick(self, stage: str) -> None:
        """Show the stage, if there is one, and that time passes."""
        if self._is_live:
            what = f"{self._what}: {stage}" if stage else self._what
            self._show(f"{next(self._frames)} {what} … {self._passed:.0f} s")
        elif stage and stage != self._stage:
            print(f"  {stage} …", flush=True)
        self._stage = stage

    def clear(self) -> None:
        """Remove the line, to make room for another one."""
        if self._is_live:
            self._show("")

    def done(self, how: str) -> None:
        self.clear()
        print(f"{self._what}: {how} after {self._passed:.1f} s", flush=True)

    @property
    def _passed(self) -> float:
        return time.monotonic() - self._started

    def _show(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        ending = "" if line else "\r"
        print(f"\r{line.ljust(self._width)}", end=ending, flush=True)
        self._width = len(line)


class LineReader:
    """The lines that a process writes, read by a thread, so that the process never waits."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def new(self) -> Iterator[str]:
        """The lines that were written since the last call."""
        while True:
            try:
                yield self._lines.get_nowait()
            except Empty:
                return

    def finish(self, timeout_s: float) -> None:
        """Wait for the last lines of a process that has ended."""
        self._thread.join(timeout_s)

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line.rstrip("\n"))
