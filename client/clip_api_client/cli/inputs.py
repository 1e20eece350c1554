"""The images and labels of a command."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clip_api_client.cli.exits import UsageError
from clip_api_client.cli.parsing import is_utf8
from clip_api_client.queries import URL, ImageSource

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif", ".hif"}
)
STDIN = "-"
LABELS = '--labels "t-shirt, jeans, dress"'


@dataclass(frozen=True, slots=True)
class Input:
    """An image, and its name as the user gave it."""

    name: str
    source: ImageSource


def images(given: Namespace) -> list[Input]:
    """The images of a command. Raises UsageError if there are none."""
    names = list(given.files)
    if given.files_from:
        names += [name for name in _lines(given.files_from) if name]
    found = [each for name in names for each in _expanded(name)]
    if not found and names:
        raise UsageError(f"there is no image in {', '.join(names)}")
    return found


def labels_or_set(given: Namespace) -> list[str] | None:
    """The labels of `rank`; None with a label set. Raises UsageError if there are none."""
    found = labels(given)
    if given.label_set and found:
        raise UsageError("give labels or a label set, not both")
    if not given.label_set and not found:
        raise UsageError(f"give labels: {LABELS}, --labels-file or --label-set")
    return found or None


def labels_of_set(given: Namespace) -> list[str]:
    """The labels to put into a set, or to remove. Raises UsageError if there are none."""
    found = labels(given)
    if not found:
        raise UsageError(f"give labels: {LABELS} or --labels-file")
    return found


def labels(given: Namespace) -> list[str]:
    """The distinct labels of a command."""
    found = [word.strip() for words in given.labels for word in words.split(",")]
    found += [label.strip() for label in given.label]
    for path in given.labels_file:
        found += [line.strip() for line in _lines(path)]
    if not is_utf8(found):  # standard input may have any bytes
        raise UsageError("a label is not UTF-8")
    # A duplicate would split its own probability.
    return list(dict.fromkeys(label for label in found if label))


def images_in(folder: Path) -> Iterator[Path]:
    """All images below a folder, in order."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(files) if is_image(path := Path(place) / name))


def is_image(path: Path) -> bool:
    """Whether a file is named as an image."""
    return path.suffix.lower() in SUFFIXES


def _expanded(name: str) -> Iterator[Input]:
    if name == STDIN:
        yield Input(STDIN, sys.stdin.buffer.read())
    elif name.lower().startswith(URL):
        if not is_utf8(name):
            raise UsageError(f"{name} is not UTF-8")
        yield Input(name, name)
    elif Path(name).is_dir():
        for path in images_in(Path(name)):
            yield Input(str(path), path)
    else:
        # A path, even if it begins like a data URL.
        yield Input(name, Path(name))


def _lines(path: str) -> Iterable[str]:
    try:
        text = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} could not be read: {error}") from error
    return text.splitlines()
