"""Decodes images in processes beside the worker, because in its own threads compete for the GIL."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import structlog

from worker.images.decode import Conversion, EncodedImage, Size
from worker.images.limits import Limits
from worker.model.encoder import Prepare, PreparedImage

log = structlog.get_logger()

MAX_BY_RULE = 16
"""A container's limit of cores does not show in the number of cores."""


class DecoderDied(Exception):
    """A process ended while it decoded this image, and no other."""


class DecodeProcesses:
    """Processes that decode and resize images. Thread-safe.

    One that dies, by a crash in a decoder or for lack of memory, costs the image that did it. The
    others that were being decoded then are decoded again, each in a process of its own.
    """

    def __init__(self, processes: int, prepare: Prepare) -> None:
        """Processes start when they are needed. `prepare` must be picklable."""
        self._processes = processes
        self._prepare = prepare
        self._pool = _start(processes)
        self._replacing = threading.Lock()
        self._alone = threading.Lock()

    def decode(
        self, content: bytes, limits: Limits, conversion: Conversion, min_size: Size | None
    ) -> tuple[PreparedImage, bool]:
        """The model's input, and whether the image is transparent; errors as in this process.

        Raises:
            DecoderDied: it takes its process down.
        """
        decode = partial(_decode, content, limits, conversion, min_size, self._prepare)
        pool = self._pool
        try:
            return pool.submit(decode).result()
        except BrokenProcessPool:
            self._replace(pool)
        return self._decode_alone(decode)

    def close(self) -> None:
        """End the processes. Call it when nothing is decoded any more."""
        self._pool.shutdown()

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self._replacing:
            if self._pool is broken:
                log.warning("decode_process_died")
                self._pool = _start(self._processes)
                broken.shutdown(wait=False)

    def _decode_alone(
        self, decode: Callable[[], tuple[PreparedImage, bool]]
    ) -> tuple[PreparedImage, bool]:
        with self._alone, _start(1) as pool:
            try:
                return pool.submit(decode).result()
            except BrokenProcessPool:
                raise DecoderDied("a process ended while it decoded the image") from None


def count_of(setting: str, device: str) -> int:
    """The number of processes for CLIP_DECODE_PROCESSES, if the model runs on that device.

    On a CPU the model needs the cores itself, and few kernels that compute for long.
    """
    if setting != "auto":
        return int(setting)
    return min(MAX_BY_RULE, len(os.sched_getaffinity(0))) if device.startswith("cuda") else 0


def preload() -> None:
    """Let the processes share what they import. Call it before the first one starts."""
    multiprocessing.set_forkserver_preload([__name__])


def _start(processes: int) -> ProcessPoolExecutor:
    # Forked from a server without threads: this process has many, which may hold locks.
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(processes, context, _end_with_parent)


def _end_with_parent() -> None:
    """A worker whose device fails ends at once, and cannot end its processes first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches them too, and the worker drains
    threading.Thread(target=_exit_after_parent, name="parent", daemon=True).start()


def _exit_after_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(0)


def _decode(
    content: bytes,
    limits: Limits,
    conversion: Conversion,
    min_size: Size | None,
    prepare: Prepare,
) -> tuple[PreparedImage, bool]:
    image = EncodedImage.open(content, limits, conversion)
    if min_size:
        image.shrink(min_size)
    decoded = image.decode()
    return prepare(decoded), decoded.is_transparent
