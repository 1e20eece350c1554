"""How this process uses memory and cores: settings of the libraries below Python."""

import os

from common.runtime import M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, set_mallopt

KEPT_BYTES = 1 << 30


def keep_freed_memory() -> None:
    """Have glibc reuse what was freed in place of giving it back; elsewhere nothing changes.

    A forward pass allocates tensors of megabytes and frees them at once. By default each of them is
    mapped anew, page by page: up to half of the time of a small model at larger batches. One arena,
    because those of other threads are never larger than 64 MB and shrink when they are empty. Call
    it before there are threads.
    """
    set_mallopt({M_ARENA_MAX: 1, M_MMAP_THRESHOLD: KEPT_BYTES, M_TRIM_THRESHOLD: KEPT_BYTES})


def let_waiting_threads_sleep() -> None:
    """Have threads of OpenMP sleep while they wait for each other, unless the user says otherwise.

    By default they spin, on cores that other threads and processes could decode images on. Call
    it before torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
