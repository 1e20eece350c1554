"""The progress of a call, and a bar that shows it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TextIO, TypeAlias

from clip_api_client.results import Part

BAR_CELLS = 30
REDRAW_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of finished queries, of failed ones among them, and of all, if known.

    `truncated_texts` and `transparent_images` are those of the results so far, as in `Results`.
    """

    done: int
    failed: int
    total: int | None
    truncated_texts: int = 0
    transparent_images: int = 0

    @property
    def has_ended(self) -> bool:
        return self.done == self.total


Report: TypeAlias = Callable[[Progress], None]
ProgressOption: TypeAlias = bool | Report | None


class Bar:
    """A line that is redrawn; without a terminal, only its last state is printed."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_live = self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if not progress.has_ended and (not self._is_live or now - self._drawn < REDRAW_S):
            return
        self._drawn = now
        start, end = ("\r", "\n" if progress.has_ended else "") if self._is_live else ("", "\n")
        line = f"{self._bar(progress)} {_counts(progress)}  {now - self._started:.0f} s"
        print(f"{start}{line}", end=end, file=self._stream, flush=True)

    def _bar(self, progress: Progress) -> str:
        if not progress.total:
            return "…"
        cells = BAR_CELLS * progress.done // progress.total
        return f"[{'#' * cells}{'.' * (BAR_CELLS - cells)}]"


def _counts(progress: Progress) -> str:
    of = f"/{progress.total}" if progress.total is not None else ""
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.done}{of}{failed}"


class Meter:
    """Counts finished queries and reports progress."""

    def __init__(self, option: ProgressOption, total: int | None) -> None:
        self._report: Report | None = Bar() if option is True else option or None
        self._so_far = Progress(0, 0, total)

    def add(self, part: Part[Any]) -> None:
        """Add the results of a request."""
        known = self._so_far
        self._show(
            replace(
                known,
                done=known.done + len(part.rows),
                failed=known.failed + part.failed,
                truncated_texts=max(known.truncated_texts, part.truncated_texts),
                transparent_images=known.transparent_images + part.transparent_images,
            )
        )

    def set(self, done: int, failed: int) -> None:
        self._show(replace(self._so_far, done=done, failed=failed))

    def _show(self, progress: Progress) -> None:
        self._so_far = progress
        if self._report:
            self._report(progress)
