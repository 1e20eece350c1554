"""The batcher: the thread that owns the model and runs every batch.

It never waits for a batch to fill: while the model runs, the next batch accumulates. A device that
works while this thread does not is given its next batch meanwhile.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from common.protocol.messages import Priority
from worker.batching.encoding import Batch, BatchEncoder, Encode, Entry, OnBatch, Start
from worker.batching.memory import BatchSizes, DeferredEntries
from worker.batching.policy import PartRef, choose, other
from worker.model.encoder import OutOfMemory

log = logging.getLogger(__name__)


class BatcherClosed(Exception):
    """The batcher stopped before it encoded the item."""


class TooLate(Exception):
    """The item's deadline passed before it was encoded."""


class Batcher:
    """Runs an encode function for each kind of item, on batches, in one thread.

    Every submitted item gets exactly one answer: a result, the error of its encoding, OutOfMemory,
    TooLate, or BatcherClosed. An item that does not fit into memory even alone is tried again after
    pauses, while others are encoded.

    If the thread dies, `on_death` is called with the error and with the parts whose items were in
    the model. The error is DeviceFailed or ModelBroken if no item is at fault. `on_batch` is called
    after each batch; `controls` has a harmless item of each kind.

    With `start` functions one more batch is started while one runs, and is in the model too.
    """

    def __init__(  # noqa: PLR0913 - most have a default
        self,
        encode: Mapping[str, Encode],
        sizes: Mapping[str, int],
        on_death: Callable[[BaseException, set[PartRef]], None] | None = None,
        on_batch: OnBatch | None = None,
        *,
        controls: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        start: Mapping[str, Start] | None = None,
    ) -> None:
        self._sizes = BatchSizes(sizes)
        self._encoder = BatchEncoder(
            encode, self._sizes, controls or {}, on_batch, clock=clock, start=start or {}
        )
        self._max_running = 2 if start else 1
        self._on_death = on_death
        self._clock = clock
        self._waiting: list[Entry] = []
        self._running: list[Batch] = []
        self._deferred = DeferredEntries[Entry]()
        self._running_since = 0.0
        self._first = Priority.INTERACTIVE
        self._changed = threading.Condition()
        self.is_closing = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def sizes(self) -> Mapping[str, int]:
        """The batch sizes now: below the configured ones while memory is short."""
        return self._sizes.current

    @property
    def configured_sizes(self) -> Mapping[str, int]:
        return self._sizes.configured

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
        running = sum(len(batch.entries) for batch in self._running)
        return len(self._waiting) + running + len(self._deferred)

    def stuck(self, longer_than_s: float) -> set[PartRef]:
        """The parts whose items have been in the model for longer than `longer_than_s`."""
        running, since = self._running, self._running_since
        if not running or self._clock() - since <= longer_than_s:
            return set()
        return _parts(running)

    def excuse(self, seconds: float) -> None:
        """Do not count `seconds`, in which this process did not run, as time in the model."""
        with self._changed:
            self._running_since += seconds

    def _run(self) -> None:
        reason: BaseException = BatcherClosed()
        try:
            while self._run_next():
                pass
        except BaseException as error:
            reason = error
            log.critical("the batcher died", exc_info=error)
            if self._on_death:
                self._on_death(error, _parts(self._running))
        finally:
            with self._changed:
                self.is_closing = True
                left = [entry for batch in self._running for entry in batch.entries]
                left += [*self._waiting, *self._deferred.take_all()]
                self._running, self._waiting = [], []
            for entry in left:
                if not entry.answer.done():
                    entry.answer.set_exception(BatcherClosed(str(reason)))

    def _run_next(self) -> bool:
        """Start a batch, or else finish the oldest one; False when closed and empty."""
        if len(self._running) < self._max_running and self._take():
            self._encoder.start(self._running[-1])
            return True
        if not self._running:
            return False
        oldest, *others = self._running
        short = self._encoder.finish(oldest)
        with self._changed:
            self._running, self._running_since = others, self._clock()
        self._defer(short)
        return True

    def _take(self) -> bool:
        """Move the next batch to `_running`; False if there is none.

        While no batch runs, wait for items, until closed.
        """
        with self._changed:
            while True:
                self._wait()
                choice = choose(self._waiting, self._sizes.current, self._clock(), self._first)
                late = [self._waiting[index] for index in choice.late]
                batch = [self._waiting[index] for index in choice.batch]
                gone = {*choice.late, *choice.batch}
                self._waiting = [e for i, e in enumerate(self._waiting) if i not in gone]
                for entry in late:
                    entry.answer.set_exception(TooLate())
                wanted = [e for e in batch if _is_wanted(e.answer)]
                if wanted:
                    self._first = other(self._first)
                    now = self._clock()
                    self._running_since = self._running_since if self._running else now
                    self._running = [*self._running, Batch(wanted, now)]
                    return True
                if self._waiting:
                    continue
                if self._running or (self.is_closing and not len(self._deferred)):
                    return False

    def _wait(self) -> None:
        """Unless a batch runs, wait until an item is to be encoded, or none will be."""
        while True:
            now = self._clock()
            self._waiting = [*self._deferred.take_due(now), *self._waiting]
            if self._waiting or self._running or (self.is_closing and not len(self._deferred)):
                return
            self._changed.wait(self._deferred.next_due_s(now))

    def _defer(self, short: list[Entry]) -> None:
        """Try the items again later, except those that were tried often enough."""
        now = self._clock()
        for entry in short:
            if self._deferred.add(entry, entry.shortages, entry.part.deadline, now):
                log.info("out of memory: an item of %s waits", entry.kind)
            else:
                entry.answer.set_exception(OutOfMemory("a single item does not fit into memory"))


def _parts(batches: Iterable[Batch]) -> set[PartRef]:
    return {entry.part for batch in batches for entry in batch.entries}


def _is_wanted(answer: Future[Any]) -> bool:
    """Whether the answer was not cancelled; from now on it cannot be."""
    return answer.running() or answer.set_running_or_notify_cancel()
