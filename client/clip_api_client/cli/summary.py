"""What a command says at its end about all of its images and texts, on standard error."""

import sys
from argparse import Namespace
from types import TracebackType
from typing import Self

from clip_api_client.cli.exits import FINE, SOME_FAILED
from clip_api_client.cli.terminal import complain, tell_failed
from clip_api_client.errors import ClipError
from clip_api_client.progress import Progress, Report

FEWEST, NAMED = 2, 3


class Summary:
    """Counts results, names those that failed, and reports when it is left.

    `verb` is what happened to the others, such as "ranked"; `text` is the command's word for one.
    """

    def __init__(self, verb: str, text: str, total: int, given: Namespace) -> None:
        self._verb, self._text, self._total = verb, text, total
        self._is_quiet, self._has_alpha = given.quiet, bool(given.alpha)
        self._done, self._failed = 0, 0
        self._named: list[str] = []
        self._progress = Progress(0, 0, total)

    @property
    def code(self) -> int:
        return SOME_FAILED if self._failed else FINE

    def following(self, bar: Report) -> Report:
        """A report that shows progress on the bar, and remembers it."""

        def report(progress: Progress) -> None:
            self._progress = progress
            bar(progress)

        return report

    def succeeded(self) -> None:
        self._done += 1

    def failed(self, name: str, error: ClipError) -> None:
        self._failed += 1
        if len(self._named) < NAMED:
            self._named.append(name)
        tell_failed(name, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._is_quiet or not (error is None or isinstance(error, ClipError)):
            return
        # Results come first, and if their reader has left there is no summary.
        sys.stdout.flush()
        self._tell_hints()
        if self._total >= FEWEST and (error is None or self._done):
            complain(self._counts())

    def _tell_hints(self) -> None:
        texts, images = self._progress.truncated_texts, self._progress.transparent_images
        if texts:
            complain(f"{_count(texts, self._text)} longer than the model's context, and truncated")
        if images and not self._has_alpha:
            complain(
                f"{_count(images, 'image')} transparent: --alpha white or --alpha black gives a"
                " background"
            )

    def _counts(self) -> str:
        is_complete = self._done + self._failed == self._total
        words = f"{self._done:,}{'' if is_complete else f' of {self._total:,}'} {self._verb}"
        if not self._failed:
            return words
        more = self._failed - len(self._named)
        names = ", ".join(self._named) + (f" and {more:,} more" if more else "")
        return f"{words}, {self._failed:,} failed: {names}"


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number:,} {noun}s are"
