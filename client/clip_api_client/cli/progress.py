"""A progress bar on standard error, hidden while results are printed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from clip_api_client.cli.terminal import rich_for
from clip_api_client.progress import BAR_CELLS, Progress

FEWEST = 2


class NoBar:
    """No progress bar: standard error is no terminal, or the user wants none."""

    def __call__(self, progress: Progress) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    @contextmanager
    def aside(self, place: int) -> Iterator[None]:  # noqa: ARG002 - for a bar that comes back
        """The context in which the result at this index is printed."""
        yield


class PlainBar(NoBar):
    """One line of counts, erased at the end."""

    def __call__(self, progress: Progress) -> None:
        self._wipe()
        sys.stderr.write(f"{progress.done}/{progress.total if progress.total is not None else '?'}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        self._wipe()

    @contextmanager
    def aside(self, place: int) -> Iterator[None]:  # noqa: ARG002 - for a bar that comes back
        self._wipe()
        yield

    def _wipe(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class RichBar(NoBar):
    """A bar with the remaining time."""

    def __init__(self, total: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars  # noqa: PLC0415

        columns = (
            BarColumn(BAR_CELLS),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            "left:",
            TimeRemainingColumn(),
        )
        self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("", total=total)
        self._total, self._done = total, 0

    def __call__(self, progress: Progress) -> None:
        self._done = progress.done
        self._bars.update(self._task, completed=progress.done)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def aside(self, place: int) -> Iterator[None]:
        self._bars.stop()
        yield
        # Show it again only if no other result is ready to print.
        if self._done == place + 1 < self._total:
            self._bars.start()


def bar(total: int, *, quiet: bool) -> NoBar:
    if quiet or total < FEWEST or not sys.stderr.isatty():
        return NoBar()
    return RichBar(total) if rich_for(sys.stderr) else PlainBar()
