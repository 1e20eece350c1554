"""The components that encode parts, and the check whether a job was cancelled."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common.ledger.jobs import Ledger
from common.protocol.messages import Priority
from worker.batching.batcher import Batcher
from worker.images.decode_processes import DecodeProcesses
from worker.images.limits import Limits
from worker.images.pixel_budget import PixelBudget
from worker.model.embedding_memory import Memory
from worker.model.encoder import Encoder
from worker.net.fetch import Fetcher
from worker.part.fetching_parts import FetchingParts

CHECK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The components that turn items, from URL or bytes, into embeddings."""

    encoder: Encoder
    batcher: Batcher
    fetcher: Fetcher
    fetching: FetchingParts
    image_threads: Mapping[Priority, ThreadPoolExecutor]
    limits: Limits
    budgets: Mapping[Priority, PixelBudget]
    memory: Memory
    jpeg_draft: bool = False
    exif_orientation: bool = True
    decode_processes: DecodeProcesses | None = None


class Cancelled(Exception):
    """The job was cancelled, has expired, or was deleted."""


class CancellationCheck:
    """Whether a job was cancelled, read from the ledger at intervals. Thread-safe."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._ledger = ledger
        self._job = job
        self._is_cancelled = False
        self._lock = threading.Lock()
        self._checked = time.monotonic()  # a part of the job has just begun

    def check(self) -> None:
        """Raise Cancelled if the job has ended."""
        with self._lock:
            if not self._is_cancelled and time.monotonic() - self._checked > CHECK_EVERY_S:
                self._is_cancelled = self._ledger.is_cancelled(self._job)
                self._checked = time.monotonic()
        if self._is_cancelled:
            raise Cancelled
