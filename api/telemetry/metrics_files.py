"""The files in which the processes of one API count, so that each can report the sum.

They are those of prometheus_client's multiprocess mode, but named after a process's index among its
siblings instead of its id: the successor of a process that died continues in the same files, so
none is left behind, and no counter goes back.
"""

import os
import tempfile
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from prometheus_client import values

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it has an unpredictable name


def make_folder() -> str:
    """An empty folder, in memory if possible, because a disk would slow down counting."""
    has_memory = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    return tempfile.mkdtemp(prefix="clip-metrics-", dir=IN_MEMORY if has_memory else None)


def free_place(taken: Iterable[int]) -> int:
    """The lowest index that no sibling has."""
    held = set(taken)
    return next(place for place in count() if place not in held)


def join(folder: str, place: int) -> None:
    """Make this process count in a folder's files. Call it before anything is counted."""
    os.environ[VARIABLE] = folder
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def folder_joined() -> str | None:
    """The folder in which this process counts with others; None if it counts alone."""
    return os.environ.get(VARIABLE)
