"""Encodes one batch, and finds out who is at fault if that fails."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from worker.batching.failures import FailedBatches, ModelBroken
from worker.batching.memory import BatchSizes
from worker.batching.policy import PartRef, halved
from worker.model.device_errors import device_error
from worker.model.encoder import OutOfMemory

log = logging.getLogger(__name__)

Encode = Callable[[Sequence[Any]], Iterable[Any]]
Start = Callable[[Sequence[Any]], Callable[[], Iterable[Any]]]
"""Starts a batch on a device, and returns the function that waits for its results."""
OnBatch = Callable[[str, int, float], None]
"""Called with a batch's kind, size and duration in seconds."""


@dataclass(slots=True, eq=False)
class Entry:
    """A waiting item; `shortages` counts how often there was no memory for it alone."""

    kind: str
    payload: Any
    part: PartRef
    weight: int = 1
    answer: Future[Any] = field(default_factory=Future)
    shortages: int = 0


@dataclass(slots=True, eq=False)
class Batch:
    """Items in the model `since` an instant; `wait` returns their results if it was started."""

    entries: list[Entry]
    since: float
    wait: Callable[[], Iterable[Any]] | None = None


class BatchEncoder:
    """Runs the encode function of a batch's kind, and answers its items.

    Where a kind has a `start` function, its next batch can be started while one runs.

    A batch that fails is encoded item by item, so that a bad item fails alone; a batch that does
    not fit into memory in halves. After an error the last item that succeeded is encoded too, to
    see whether any item is at fault; `controls` has one of each kind to begin with.
    """

    def __init__(  # noqa: PLR0913 - all that the batcher hands down
        self,
        encode: Mapping[str, Encode],
        sizes: BatchSizes,
        controls: Mapping[str, Any],
        on_batch: OnBatch | None,
        *,
        clock: Callable[[], float],
        start: Mapping[str, Start],
    ) -> None:
        self._encode = encode
        self._start = start
        self._sizes = sizes
        self._controls = dict(controls)
        self._on_batch = on_batch
        self._clock = clock
        self._failed_batches = {kind: FailedBatches() for kind in encode}
        self._free_since = 0.0
        self._size = 0
        self._failed: list[tuple[Entry, Exception]] = []
        self._short: list[Entry] = []

    def start(self, batch: Batch) -> None:
        """Start a batch, if its kind can be; `finish` handles the errors."""
        start = self._start.get(batch.entries[0].kind)
        if start is None:
            return
        try:
            batch.wait = start([entry.payload for entry in batch.entries])
        except Exception as error:  # noqa: BLE001 - any error may be the answer to the items
            batch.wait = partial(_fail, error)

    def finish(self, batch: Batch) -> list[Entry]:
        """Answer the items of a batch, except those for which there is no memory now.

        Returns the latter.

        Raises:
            DeviceFailed, ModelBroken: no item is at fault, and a new process is needed.
        """
        entries, wait = batch.entries, batch.wait
        self._size, self._failed, self._short = len(entries), [], []
        if wait:
            # Until then the device was busy with the batch before.
            self._answer(entries, wait, max(batch.since, self._free_since))
        else:
            self._encode_now(entries)
        self._free_since = self._clock()
        if len(self._failed) == len(entries):
            self._failed_batches[entries[0].kind].add(entry.part.job for entry in entries)
        for entry, error in self._failed:
            entry.answer.set_exception(error)
        return self._short

    def _encode_now(self, entries: list[Entry]) -> None:
        payloads = [entry.payload for entry in entries]
        self._answer(entries, partial(self._encode[entries[0].kind], payloads), self._clock())

    def _answer(
        self, batch: list[Entry], encode: Callable[[], Iterable[Any]], started: float
    ) -> None:
        kind = batch[0].kind
        try:
            results = encode()
        except Exception as error:  # noqa: BLE001 - any error may be the answer to the items
            self._handle(error, batch)
            return
        now = self._clock()
        self._failed_batches[kind].reset()
        self._controls[kind] = batch[-1].payload
        if self._sizes.raise_after_good_batch(kind, now):
            log.info("the batch size of %s is now %d", kind, self._sizes.current[kind])
        for entry, result in zip(batch, results, strict=True):
            entry.answer.set_result(result)
        if self._on_batch:
            self._on_batch(kind, len(batch), now - started)

    def _handle(self, error: Exception, batch: list[Entry]) -> None:
        """Encode a batch that failed in smaller ones, unless no item is at fault."""
        failure = device_error(error)
        if isinstance(failure, OutOfMemory):
            self._answer_smaller(batch)
        elif failure:
            raise failure from error
        else:
            self._answer_singly(batch, error)

    def _answer_singly(self, batch: list[Entry], error: Exception) -> None:
        """Encode the items one by one, so that a bad item fails alone."""
        if len(batch) == self._size:
            self._check_model(batch[0].kind, error)
        if len(batch) == 1:
            self._failed.append((batch[0], error))
            return
        for entry in batch:
            self._encode_now([entry])

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

    def _answer_smaller(self, batch: list[Entry]) -> None:
        """Lower the batch size, and encode the batch in halves; an item alone must wait."""
        kind, now = batch[0].kind, self._clock()
        if len(batch) == 1:
            self._sizes.lower(kind, self._sizes.current[kind], now)
            batch[0].shortages += 1
            self._short.append(batch[0])
            return
        half = halved(len(batch))
        self._sizes.lower(kind, half * max(entry.weight for entry in batch), now)
        log.warning(
            "out of memory: the batch size of %s is now %d", kind, self._sizes.current[kind]
        )
        for start in range(0, len(batch), half):
            self._encode_now(batch[start : start + half])


def _fail(error: Exception) -> NoReturn:
    raise error
