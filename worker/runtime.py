"""How this process uses memory and cores: settings of the libraries below Python."""

import ctypes
import gc
import os
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

KEPT_BYTES = 1 << 30


def keep_freed_memory() -> None:
    """Have glibc reuse what was freed in place of giving it back; elsewhere nothing changes.

    A forward pass allocates tensors of megabytes and frees them at once. By default each of them is
    mapped anew, page by page: up to half of the time of a small model at larger batches. One arena,
    because those of other threads are never larger than 64 MB and shrink when they are empty. Call
    it before there are threads.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def spare_what_is_loaded() -> None:
    """Have the garbage collector pass over all that there is now: libraries and model, for good.

    It would look through a million objects time and again. Call it once the model is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # how often it looks through all the rest depends on what it found last


def let_waiting_threads_sleep() -> None:
    """Have threads of OpenMP sleep while they wait for each other, unless the user says otherwise.

    By default they spin, on cores that other threads and processes could decode pictures on. Call
    it before torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
