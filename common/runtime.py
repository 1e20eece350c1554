"""How a process uses its memory: settings of what lies below Python."""

import ctypes
import gc
import sys
from collections.abc import Mapping

# Of glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

FEW_ARENAS = 2


def set_mallopt(options: Mapping[int, int]) -> None:
    """Set options of glibc's malloc, before there are threads; elsewhere nothing changes."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in options.items():
            library.mallopt(option, value)


def share_arenas() -> None:
    """Have threads share what is free in place of keeping some of it each.

    By default there are eight arenas for each core, and every one grows to what its threads ever
    needed at once.
    """
    set_mallopt({M_ARENA_MAX: FEW_ARENAS})


def pause_gc() -> None:
    """Have the garbage collector wait for `freeze_gc`.

    While torch and transformers load, it would look through half a million objects time and again
    and find next to none to free: a sixth of the time that a worker takes to start.
    """
    gc.disable()


def freeze_gc() -> None:
    """Have the garbage collector pass over all that there is now: what is loaded stays for good.

    It would look through all of it time and again. Call it once all is loaded.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.collect()  # how often it looks through all the rest depends on what it found last
