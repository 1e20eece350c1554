"""How a process uses its memory and how it is stopped before it works."""

import ctypes
import gc
import os
import signal
import sys

M_ARENA_MAX = -8  # of glibc's malloc.h
FEW_ARENAS = 2


def share_arenas() -> None:
    """Make threads share malloc's arenas; call it before there are threads. No-op without glibc.

    By default there are eight per core, and each grows to the most that its threads ever needed at
    once.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_ARENA_MAX, FEW_ARENAS)


def pause_gc() -> None:
    """Disable the garbage collector until `freeze_gc`.

    While torch and transformers load, it would scan half a million objects again and again and
    free next to none: a sixth of the time that a worker takes to start.
    """
    gc.disable()


def freeze_gc() -> None:
    """Exclude all present objects from garbage collection; call it once everything is loaded.

    They live as long as the process, and the collector would scan them again and again.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.collect()  # the frequency of full collections depends on the size of the last one


def end_on_sigterm() -> None:
    """End at once on SIGTERM, while there is nothing to finish.

    As PID 1 of a container the process would ignore it. Not with `sys.exit`: Python drops an
    exception that is raised inside a finalizer, and the process would go on.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
