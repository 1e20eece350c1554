"""Files in which the processes of one API count together, so that any of them can tell the sum.

They are those of prometheus_client's multiprocess mode, but named for a process' place among its
siblings and not for its id: who takes the place of a process that died goes on counting in the
same files, so none is left behind, and no counter goes back.
"""

import os
import tempfile
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from prometheus_client import values

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder within has a name that nobody can guess


def make_folder() -> str:
    """An empty folder, in memory where there is such a place: the disk must not hold up a count."""
    has_memory = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    return tempfile.mkdtemp(prefix="clip-metrics-", dir=IN_MEMORY if has_memory else None)


def free_place(taken: Iterable[int]) -> int:
    """The lowest number that no sibling has."""
    held = set(taken)
    return next(place for place in count() if place not in held)


def join(folder: str, place: int) -> None:
    """Have this process count in a folder's files from now on. Call it before anything counts."""
    os.environ[VARIABLE] = folder
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def folder_joined() -> str | None:
    """Where this process counts with others; None where it counts alone."""
    return os.environ.get(VARIABLE)
