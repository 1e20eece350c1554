"""One part on its way through fetching, decoding and the model."""

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from itertools import groupby
from operator import itemgetter

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.cache.embeddings import Embedding
from common.errors import ClipError, EncodeFailed, NoMemory
from common.ledger.records import BegunPart
from common.protocol.messages import Fault, PartAbout, PartResult, Priority, Timings, Vectors
from worker.batching.batcher import BatcherClosed, TooLate
from worker.batching.policy import PartRef
from worker.model.encoder import OutOfMemory, ensemble
from worker.part.part_images import PartImages, SubmittedImage
from worker.part.part_texts import Answer, PartTexts
from worker.part.pipeline import CancellationCheck, Cancelled, Pipeline

log = structlog.get_logger()


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
        self._images = PartImages(pipeline, begun, part, cancellation)
        shape = (len(begun.items), self._encoder.info.dimension)
        self._vectors = np.zeros(shape, dtype=np.float32)
        self._image_answers: dict[int, Future[Vectors]] = {}
        self._faults: dict[int, Fault] = {}
        self._truncated: set[int] = set()
        self._transparent: set[int] = set()
        self._tokens: dict[int, int] = {}
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
            TooLate, Cancelled, PartReleased, BatcherClosed: and running work is cancelled.
        """
        known = self._pipeline.memory.find(
            self._begun.items, is_interactive=self._part.priority is Priority.INTERACTIVE
        )
        self._take(known)
        texts = self._texts_but(known)
        try:
            texts.submit()
            self._images.submit(known)
            inference_s = self._gather(texts.answers())
            self._truncated |= texts.truncated
            self._tokens.update(texts.tokens)
            self._remember_texts()
            self._images.wait_for_fetches()
            submitted = self._collect_images()
            inference_s += self._gather(self._image_answers.items())
        except BaseException:
            texts.cancel()
            _cancel(self._images.submitted.values())
            _cancel(self._image_answers.values())
            raise
        timings = Timings(
            queue=self._begun.waited_s,
            fetch=max((image.fetch_s for image in submitted), default=0.0),
            decode=max((image.decode_s for image in submitted), default=0.0),
            inference=inference_s,
        )
        about = PartAbout(
            self._encoder.info,
            self._faults,
            truncated=tuple(sorted(self._truncated)),
            timings=timings,
            transparent=tuple(sorted(self._transparent)),
            tokens=self._all_tokens(),
        )
        return PartResult(self._vectors, about)

    def _all_tokens(self) -> tuple[int, ...]:
        if not any(self._tokens.values()):
            return ()
        return tuple(self._tokens.get(index, 0) for index in range(len(self._begun.items)))

    def _take(self, known: Mapping[int, Embedding]) -> None:
        self.hits = len(known)
        for index, embedding in known.items():
            self._vectors[index] = embedding.vector
            if embedding.truncated:
                self._truncated.add(index)
            if embedding.transparent:
                self._transparent.add(index)
            self._tokens[index] = embedding.tokens

    def _texts_but(self, known: Container[int]) -> PartTexts:
        texts = {
            index: item
            for index, item in enumerate(self._begun.items)
            if item.kind == "text" and index not in known
        }
        part_texts = PartTexts(self._pipeline, texts, self._part, self._cancellation)
        self._keys.update(part_texts.keys)
        return part_texts

    def _remember_texts(self) -> None:
        for key, index in self.encoded.items():
            embedding = Embedding(
                self._vectors[index],
                index in self._truncated,
                tokens=self._tokens.get(index, 0),
            )
            self._pipeline.memory.keep_text(key, embedding)

    def _collect_images(self) -> list[SubmittedImage]:
        submitted = []
        for index, image in self._images.submitted.items():
            try:
                ready = image.result()
            except ClipError as error:
                self._faults[index] = Fault(error.code, error.detail)
            except (Cancelled, TooLate, BatcherClosed, CancelledError, RedisError):
                raise
            except Exception as error:  # an unusual image, or a bug
                log.warning("image_failed", error=repr(error), exc_info=error)
                self._faults[index] = _fault(error)
            else:
                submitted.append(ready)
                self._image_answers[index] = ready.answer
                if ready.transparent:
                    self._transparent.add(index)
                if ready.hit:
                    self.hits += 1
                else:
                    self._keys[index] = ready.key
        return submitted

    def _gather(self, answers: Iterable[Answer]) -> float:
        """Wait for the answers, those of an item in a row. Returns the seconds that this took."""
        started = time.monotonic()
        for index, of_item in groupby(answers, itemgetter(0)):
            encoded = self._results(of_item)
            vector = ensemble(encoded) if self._begun.items[index].inputs > 1 else next(encoded, 0)
            if index not in self._faults:
                self._vectors[index] = vector
        return time.monotonic() - started

    def _results(self, answers: Iterable[Answer]) -> Iterator[Vectors]:
        """What the model made of an item, up to an error."""
        for index, answer in answers:
            try:
                encoded = answer.result()
            except (TooLate, BatcherClosed):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                self._faults[index] = _fault(error)
                return
            yield encoded


def _fault(error: Exception) -> Fault:
    """The fault of an item that could not be encoded."""
    if isinstance(error, OutOfMemory | MemoryError):
        return Fault(NoMemory.code, "did not fit into a worker's memory")
    if isinstance(error, FloatingPointError):
        return Fault(EncodeFailed.code, "has no finite embedding by the model")
    return Fault(EncodeFailed.code, EncodeFailed.title)


def _cancel(futures: Iterable[Future[Vectors]] | Iterable[Future[SubmittedImage]]) -> None:
    for future in futures:
        future.cancel()
