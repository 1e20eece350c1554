"""Decodes images in processes beside the worker, because in its own threads compete for the GIL."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeAlias

import structlog

from worker.images.decode import Conversion, EncodedImage, Size
from worker.images.limits import Limits
from worker.model.encoder import Prepare, PreparedImage

log = structlog.get_logger()

MAX_BY_RULE = 16
"""In a container with a CPU limit, the number of cores is still that of the host."""
ENDING_S = 5.0
STARTS = 10
PAUSE_S = 0.1

_Job: TypeAlias = tuple[bytes, Limits, Conversion, Size | None]
_Decoded: TypeAlias = tuple[PreparedImage, bool]


class DecoderDied(Exception):
    """Two processes ended while they decoded this image."""


class DecodeProcesses:
    """Processes that decode and resize images. Thread-safe; first come, first served.

    One that dies, by a crash in a decoder or for lack of memory, costs the image that did it, and
    no other: each process has a pipe of its own.
    """

    def __init__(self, processes: int, prepare: Prepare) -> None:
        """Processes start when they are needed. `prepare` must be picklable."""
        starting = threading.Lock()
        self._decoders = [_Decoder(prepare, starting) for _ in range(processes)]
        self._idle = self._decoders.copy()
        self._waiting: deque[Future[_Decoder]] = deque()
        self._lock = threading.Lock()

    def decode(
        self, content: bytes, limits: Limits, conversion: Conversion, min_size: Size | None
    ) -> _Decoded:
        """The model's input, and whether the image is transparent; errors as in this process.

        Raises:
            DecoderDied: it takes its process down.
        """
        job = (content, limits, conversion, min_size)
        with self._free_decoder() as decoder:
            try:
                reply = decoder.ask(job)
            except (EOFError, OSError) as error:
                log.warning("decode_process_died", error=repr(error))
                reply = _ask_again(decoder, job)
        result, failure = pickle.loads(reply)  # noqa: S301 - from a process of ours
        try:
            if failure:
                raise failure
            return result  # type: ignore[no-any-return]
        finally:
            del failure  # its traceback refers to this frame, and so to the image

    def close(self) -> None:
        """End the processes. Call it when nothing is decoded any more."""
        for decoder in self._decoders:
            decoder.disconnect()
        for decoder in self._decoders:
            decoder.join()

    @contextmanager
    def _free_decoder(self) -> Iterator["_Decoder"]:
        """One that was idle, preferably with a process, or the next that another thread leaves."""
        taken: Future[_Decoder] = Future()
        with self._lock:
            if self._idle:
                taken.set_result(self._idle.pop())
            else:
                self._waiting.append(taken)
        decoder = taken.result()
        try:
            yield decoder
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set_result(decoder)
                else:
                    self._idle.append(decoder)


class _Decoder:
    """A process, and a new one after its end, that decodes one image at a time."""

    def __init__(self, prepare: Prepare, starting: threading.Lock) -> None:
        self._prepare = prepare
        self._starting = starting
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def ask(self, job: _Job) -> bytes:
        """The process's reply, pickled.

        Raises:
            EOFError, OSError: the process ended, or cannot be started.
        """
        try:
            connection = self._connection or self._start()
            connection.send(job)
            return connection.recv_bytes()
        except BaseException:
            self.disconnect()  # there may be half a message in the pipe
            raise

    def disconnect(self) -> None:
        """Let the process end: it notices."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def join(self) -> None:
        """Wait until the process has ended."""
        if self._process:
            self._process.join(ENDING_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()

    def _start(self) -> Connection:
        for _ in range(STARTS - 1):
            with suppress(EOFError, OSError):
                return self._start_once()
            time.sleep(PAUSE_S)  # a killed fork server may still be ending, and is replaced then
        return self._start_once()

    def _start_once(self) -> Connection:
        self.disconnect()
        # Forked from a server without threads: this process has many, which may hold locks.
        context = multiprocessing.get_context("forkserver")
        ours, its = context.Pipe()
        self._connection = ours
        # As a daemon, because Python waits at its exit for others to end by themselves.
        process = context.Process(target=_serve, args=(its, self._prepare), daemon=True)
        with its, self._starting:  # once closed here, its end closes with the process
            process.start()
        self._process = process
        return ours


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


def _ask_again(decoder: _Decoder, job: _Job) -> bytes:
    """In a new process: the last one may have been killed, even before it got this image."""
    try:
        return decoder.ask(job)
    except (EOFError, OSError) as error:
        raise DecoderDied(f"no process could decode the image: {error!r}") from error


def _serve(connection: Connection, prepare: Prepare) -> None:
    """Decode until the worker closes its end of the pipe, or ends in any way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches it too, and the worker drains
    with suppress(EOFError, OSError):
        while True:
            connection.send_bytes(_reply(connection.recv(), prepare))


def _reply(job: _Job, prepare: Prepare) -> bytes:
    """The result, or the error that decoding raises here, pickled."""
    try:
        return pickle.dumps((_decode(*job, prepare), None))
    except Exception as error:  # noqa: BLE001 - raised in the worker
        error.add_note(traceback.format_exc())
        return pickle.dumps((None, error))


def _decode(
    content: bytes,
    limits: Limits,
    conversion: Conversion,
    min_size: Size | None,
    prepare: Prepare,
) -> _Decoded:
    image = EncodedImage.open(content, limits, conversion)
    if min_size:
        image.shrink(min_size)
    decoded = image.decode()
    return prepare(decoded), decoded.is_transparent
