"""The batcher: the thread that owns the model and runs every batch.

It never waits for a batch to fill: while the model runs, the next batch accumulates.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from common.protocol.messages import Priority
from worker.batching.failures import FailedBatches, ModelBroken
from worker.batching.policy import PartRef, choose, halved, other
from worker.model.device_errors import device_error
from worker.model.encoder import OutOfMemory

log = logging.getLogger(__name__)

Encode = Callable[[Sequence[Any]], Iterable[Any]]
OnBatch = Callable[[str, int, float], None]
"""Called with a batch's kind, size and duration in seconds."""


class BatcherClosed(Exception):
    """The batcher stopped before it encoded the item."""


class TooLate(Exception):
    """The item's deadline passed before it was encoded."""


@dataclass(slots=True, eq=False)
class Entry:
    """A waiting item."""

    kind: str
    payload: Any
    part: PartRef
    weight: int = 1
    answer: Future[Any] = field(default_factory=Future)


class Batcher:
    """Runs an encode function for each kind of item, on batches, in one thread.

    Every submitted item gets exactly one answer: a result, the error of its encoding, TooLate, or
    BatcherClosed. If the thread dies, `on_death` is called with the error and with the parts whose
    items were in the model. `on_batch` is called after each batch.

    The thread dies with DeviceFailed if the device fails, and with ModelBroken if the model fails
    on harmless items too: then no item is at fault. After an error it encodes the last item that
    succeeded; `controls` has one of each kind to begin with.
    """

    def __init__(
        self,
        encode: Mapping[str, Encode],
        sizes: Mapping[str, int],
        on_death: Callable[[BaseException, set[PartRef]], None] | None = None,
        on_batch: OnBatch | None = None,
        controls: Mapping[str, Any] | None = None,
    ) -> None:
        self.sizes = dict(sizes)
        self._encode = encode
        self._on_death = on_death
        self._on_batch = on_batch
        self._controls = dict(controls or {})
        self._failed_batches = {kind: FailedBatches() for kind in sizes}
        self._failed: list[tuple[Entry, Exception]] = []
        self._waiting: list[Entry] = []
        self._running: list[Entry] = []
        self._running_since = 0.0
        self._first = Priority.INTERACTIVE
        self._changed = threading.Condition()
        self.is_closing = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    def submit(
        self,
        kind: str,
        payload: Any,  # noqa: ANN401
        part: PartRef,
        weight: int = 1,
    ) -> Future[Any]:
        """Submit an item, which counts as `weight` ordinary ones in a batch.

        Raises:
            BatcherClosed: the batcher takes no more items.
        """
        entry = Entry(kind, payload, part, weight)
        with self._changed:
            if self.is_closing:
                raise BatcherClosed
            self._waiting.append(entry)
            self._changed.notify()
        return entry.answer

    def close(self, timeout_s: float | None = None) -> None:
        """Encode the waiting items, then stop the thread. Later items are refused."""
        with self._changed:
            self.is_closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    @property
    def in_flight(self) -> int:
        """The number of items submitted and not yet answered."""
        return len(self._waiting) + len(self._running)

    def stuck(self, longer_than_s: float) -> set[PartRef]:
        """The parts whose items have been in the model for longer than `longer_than_s`."""
        running, since = self._running, self._running_since
        if not running or time.monotonic() - since <= longer_than_s:
            return set()
        return {entry.part for entry in running}

    def excuse(self, seconds: float) -> None:
        """Do not count `seconds`, in which this process did not run, as time in the model."""
        with self._changed:
            self._running_since += seconds

    def _run(self) -> None:
        reason: BaseException = BatcherClosed()
        try:
            while self._take():
                self._answer(self._running)
                self._answer_failed(self._running)
                self._running = []
        except BaseException as error:
            reason = error
            log.critical("the batcher died", exc_info=error)
            if self._on_death:
                self._on_death(error, {entry.part for entry in self._running})
        finally:
            with self._changed:
                self.is_closing = True
                left = [*self._running, *self._waiting]
                self._running, self._waiting = [], []
            for entry in left:
                if not entry.answer.done():
                    entry.answer.set_exception(BatcherClosed(str(reason)))

    def _take(self) -> bool:
        """Wait for items and move the next batch to `_running`; False when closed and empty."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self.is_closing)
                choice = choose(self._waiting, self.sizes, time.monotonic(), self._first)
                late = [self._waiting[index] for index in choice.late]
                batch = [self._waiting[index] for index in choice.batch]
                gone = {*choice.late, *choice.batch}
                self._waiting = [e for i, e in enumerate(self._waiting) if i not in gone]
                for entry in late:
                    entry.answer.set_exception(TooLate())
                wanted = [e for e in batch if e.answer.set_running_or_notify_cancel()]
                if wanted:
                    self._first = other(self._first)
                    self._running_since = time.monotonic()
                    self._running = wanted
                    return True
                if self.is_closing and not self._waiting:
                    return False

    def _answer(self, batch: list[Entry]) -> None:
        kind = batch[0].kind
        started = time.monotonic()
        try:
            results = self._encode[kind]([entry.payload for entry in batch])
        except Exception as error:  # noqa: BLE001 - any error may be the answer to the items
            self._handle(error, batch)
        else:
            seconds = time.monotonic() - started
            for entry, result in zip(batch, results, strict=True):
                entry.answer.set_result(result)
            self._failed_batches[kind].reset()
            self._controls[kind] = batch[-1].payload
            if self._on_batch:
                self._on_batch(kind, len(batch), seconds)

    def _handle(self, error: Exception, batch: list[Entry]) -> None:
        """Encode a batch that failed in smaller ones, unless no item is at fault."""
        failure = device_error(error)
        if isinstance(failure, OutOfMemory):
            self._answer_smaller(batch[0].kind, batch)
        elif failure:
            raise failure from error
        else:
            self._answer_singly(batch, error)

    def _answer_singly(self, batch: list[Entry], error: Exception) -> None:
        """Encode the items one by one, so that a bad item fails alone."""
        if len(self._running) == len(batch):
            self._check_model(batch[0].kind, error)
        if len(batch) == 1:
            self._failed.append((batch[0], error))
            return
        for entry in batch:
            self._answer([entry])

    def _check_model(self, kind: str, error: Exception) -> None:
        """Encode a harmless item after an error.

        Raises:
            DeviceFailed, ModelBroken: the model fails on it too.
        """
        if kind not in self._controls:
            return
        try:
            self._encode[kind]([self._controls[kind]])
        except Exception as again:
            failure = device_error(again)
            if isinstance(failure, OutOfMemory):
                return
            raise failure or ModelBroken(
                f"{again!r} on a harmless item, after {error!r}"
            ) from again

    def _answer_failed(self, batch: list[Entry]) -> None:
        """Answer the items that failed with their errors, unless the model is broken."""
        failed, self._failed = self._failed, []
        if len(failed) == len(batch):
            self._failed_batches[batch[0].kind].add(entry.part.job for entry in batch)
        for entry, error in failed:
            entry.answer.set_exception(error)

    def _answer_smaller(self, kind: str, batch: list[Entry]) -> None:
        """Lower the batch size, and encode the batch in halves."""
        if len(batch) == 1:
            batch[0].answer.set_exception(OutOfMemory("a single item does not fit into memory"))
            return
        half = halved(len(batch))
        heaviest = max(entry.weight for entry in batch)
        self.sizes[kind] = min(self.sizes[kind], half * heaviest)
        log.warning("out of memory: the batch size of %s is now %d", kind, self.sizes[kind])
        for start in range(0, len(batch), half):
            self._answer(batch[start : start + half])
