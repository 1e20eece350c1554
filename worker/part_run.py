"""One part on its way through fetching, decoding and the model."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.embeddings import Embedding, image_key, key_of, text_key
from common.errors import ClipError, EncodeFailed, NotAnImage
from common.jobs import Ledger
from common.protocol import Fault, Item, PartAbout, PartResult, Priority, Timings, Vectors
from common.records import BegunPart
from worker.batcher import Batcher, BatcherClosed, TooLate
from worker.decode import Picture
from worker.encoder import Encoder, PreparedImage, PreparedText, runs_of
from worker.fetch import Fetcher
from worker.formats.limits import Limits
from worker.memory import Memory
from worker.pixel_budget import PixelBudget
from worker.policy import PartRef

log = structlog.get_logger()

CHECK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a worker encodes items with, from URL or bytes to embedding."""

    encoder: Encoder
    batcher: Batcher
    fetcher: Fetcher
    image_threads: Mapping[Priority, ThreadPoolExecutor]
    limits: Limits
    budget: PixelBudget
    memory: Memory
    jpeg_draft: bool = False


class Cancelled(Exception):
    """The job was cancelled, has expired, or is gone."""


class CancellationCheck:
    """The state of one job, read from the ledger now and then. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._ledger = ledger
        self._job = job
        self._is_cancelled = False
        self._lock = threading.Lock()
        self._checked = time.monotonic()  # a part of the job has just begun

    def check(self) -> None:
        """Raise Cancelled when the job's result is not wanted any more."""
        with self._lock:
            if not self._is_cancelled and time.monotonic() - self._checked > CHECK_EVERY_S:
                self._is_cancelled = self._ledger.is_cancelled(self._job)
                self._checked = time.monotonic()
        if self._is_cancelled:
            raise Cancelled


@dataclass(frozen=True, slots=True)
class SubmittedImage:
    """An image handed to the batcher, and the seconds that it took to get there.

    One that is a `hit` in the cache has its answer already.
    """

    key: bytes
    answer: Future[Vectors]
    fetch_s: float
    decode_s: float
    hit: bool = False


class PartRun:
    """Encodes the items of one part. An item that fails costs itself alone."""

    def __init__(
        self, pipeline: Pipeline, begun: BegunPart, part: PartRef, cancellation: CancellationCheck
    ) -> None:
        self._pipeline = pipeline
        self._encoder = pipeline.encoder
        self._begun = begun
        self._part = part
        self._cancellation = cancellation
        self._faults: dict[int, Fault] = {}
        self._known: dict[int, Embedding] = {}
        self._keys: dict[int, bytes] = {}
        self.hits = 0
        """How many of its items need not be encoded."""

    @property
    def encoded(self) -> dict[bytes, int]:
        """The index of each item that was encoded for this part, by its key in the cache."""
        return {key: index for index, key in self._keys.items() if index not in self._faults}

    def encode(self) -> PartResult:
        """Encode all items.

        Raises:
            TooLate, Cancelled, BatcherClosed: and what is under way is dropped.
        """
        answers: dict[int, Future[Vectors]] = {}
        images: dict[int, Future[SubmittedImage]] = {}
        try:
            self._known = self._pipeline.memory.find(
                self._begun.items, is_interactive=self._part.priority is Priority.INTERACTIVE
            )
            self.hits = len(self._known)
            truncated = self._submit_texts(answers)
            images.update(self._submit_images())
            submitted = self._collect_images(images, answers)
            waiting_since = time.monotonic()
            vectors = self._gather(answers)
        except BaseException:
            _cancel(images.values())
            _cancel(answers.values())
            raise
        timings = Timings(
            queue=self._begun.waited_s,
            fetch=max((image.fetch_s for image in submitted), default=0.0),
            decode=max((image.decode_s for image in submitted), default=0.0),
            inference=time.monotonic() - waiting_since,
        )
        return PartResult(vectors, PartAbout(self._encoder.info, self._faults, truncated, timings))

    def _submit_texts(self, answers: dict[int, Future[Vectors]]) -> tuple[int, ...]:
        """Hand texts that are not known to the batcher. Returns the indices of all truncated."""
        truncated = [index for index, known in self._known.items() if known.truncated]
        texts = {
            index: item.value
            for index, item in enumerate(self._begun.items)
            if item.kind == "text" and index not in self._known
        }
        prepared = (text for run in runs_of(texts.values()) for text in self._prepare_texts(run))
        for index, text in zip(texts, prepared, strict=True):
            key = self._keys[index] = text_key(texts[index])
            answers[index] = self._pipeline.batcher.submit("text", text, self._part, text.weight)
            self._pipeline.memory.learn_text(key, answers[index], truncated=text.truncated)
            if text.truncated:
                truncated.append(index)
        return tuple(sorted(truncated))

    def _prepare_texts(self, texts: Sequence[str]) -> Sequence[PreparedText]:
        self._cancellation.check()
        return self._encoder.prepare_texts(texts)

    def _submit_images(self) -> dict[int, Future[SubmittedImage]]:
        threads = self._pipeline.image_threads[self._part.priority]
        images = {
            index: item
            for index, item in enumerate(self._begun.items)
            if item.kind != "text" and index not in self._known
        }
        if len(images) == 1:  # nothing to gain from another thread
            return {index: self._submitted_here(item) for index, item in images.items()}
        return {index: threads.submit(self._submit_image, item) for index, item in images.items()}

    def _submitted_here(self, item: Item) -> Future[SubmittedImage]:
        """What a pool of threads would return, done in this thread."""
        done: Future[SubmittedImage] = Future()
        try:
            done.set_result(self._submit_image(item))
        except Exception as error:  # noqa: BLE001 - raised where the result is read
            done.set_exception(error)
        return done

    def _submit_image(self, item: Item) -> SubmittedImage:
        """Fetch and decode an image, and hand it to the batcher."""
        self._cancellation.check()
        started = time.monotonic()
        content = self._content(item)
        fetch_s = time.monotonic() - started
        key = key_of(item) or image_key(content)
        if item.kind == "uri" and (known := self._pipeline.memory.find_image(key)):
            answer: Future[Vectors] = Future()
            answer.set_result(known.vector)
            return SubmittedImage(key, answer, fetch_s, 0.0, hit=True)
        started = time.monotonic()
        answer = self._pipeline.batcher.submit("image", self._decode(content), self._part)
        return SubmittedImage(key, answer, fetch_s, time.monotonic() - started)

    def _content(self, item: Item) -> bytes:
        if item.kind == "uri":
            return self._pipeline.fetcher.fetch(item.value)
        content = self._begun.blobs.get(item.value)
        if content is None:
            raise NotAnImage("is no longer there")
        return content

    def _decode(self, content: bytes) -> PreparedImage:
        picture = Picture.open(content, self._pipeline.limits)
        if self._pipeline.jpeg_draft:
            least = self._encoder.smallest_useful(*picture.size)
            if least:
                picture.shrink(least)
        with self._pipeline.budget.hold(picture.pixels, self._cancellation.check):
            prepared = self._encoder.prepare_image(picture.decode())
        self._cancellation.check()
        return prepared

    def _collect_images(
        self, images: Mapping[int, Future[SubmittedImage]], answers: dict[int, Future[Vectors]]
    ) -> list[SubmittedImage]:
        submitted = []
        for index, image in images.items():
            try:
                ready = image.result()
            except ClipError as error:
                self._faults[index] = Fault(error.code, error.detail)
            except (Cancelled, TooLate, BatcherClosed, CancelledError, RedisError):
                raise
            except Exception as error:  # an unusual image, or a bug
                log.warning("image_failed", error=repr(error), exc_info=error)
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
            else:
                submitted.append(ready)
                answers[index] = ready.answer
                if ready.hit:
                    self.hits += 1
                else:
                    self._keys[index] = ready.key
        return submitted

    def _gather(self, answers: Mapping[int, Future[Vectors]]) -> Vectors:
        shape = (len(self._begun.items), self._encoder.info.dimension)
        vectors = np.zeros(shape, dtype=np.float32)
        for index, known in self._known.items():
            vectors[index] = known.vector
        for index, answer in answers.items():
            try:
                vectors[index] = answer.result()
            except (TooLate, BatcherClosed):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
        return vectors


def _cancel(futures: Iterable[Future[Vectors]] | Iterable[Future[SubmittedImage]]) -> None:
    for future in futures:
        future.cancel()
