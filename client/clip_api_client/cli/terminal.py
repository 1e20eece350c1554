"""Terminal output. Standard output is for results only."""

import io
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import TextIO

from clip_api_client.errors import ClipError
from clip_api_client.retries import Retry


def prepare() -> None:
    """Make all file names printable in any encoding of the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def rich_for(stream: TextIO) -> ModuleType | None:
    """The library `rich`, if it is installed and the stream is a terminal."""
    if not stream.isatty():
        return None
    with suppress(ImportError):
        import rich  # noqa: PLC0415 - an extra

        return rich
    return None


def visible(text: str) -> str:
    """A text on one line, without control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def in_words(metadata: Mapping[str, str]) -> str:
    """Metadata on one line."""
    return visible(" ".join(f"{key}={value}" for key, value in metadata.items()))


def complain(words: str) -> None:
    shown = "\n".join(map(visible, words.splitlines()))
    print(f"clip-api: {shown}", file=sys.stderr, flush=True)


def tell_failed(name: str, error: ClipError) -> None:
    complain(f"{name}: {error.detail}")


def tell_retry(retry: Retry) -> None:
    complain(f"{retry.error.detail}; retrying in {retry.pause_s:.1f} s")
