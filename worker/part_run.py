"""One part on its way through fetching, decoding and the model."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.embeddings import Embedding, text_key
from common.errors import ClipError, EncodeFailed
from common.protocol import Fault, PartAbout, PartResult, Priority, Timings, Vectors
from common.records import BegunPart
from worker.batcher import BatcherClosed, TooLate
from worker.encoder import PreparedText, runs_of
from worker.part_images import PartImages, SubmittedImage
from worker.pipeline import CancellationCheck, Cancelled, Pipeline
from worker.policy import PartRef

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
            TooLate, Cancelled, LetGo, BatcherClosed: and what is under way is dropped.
        """
        answers: dict[int, Future[Vectors]] = {}
        try:
            self._known = self._pipeline.memory.find(
                self._begun.items, is_interactive=self._part.priority is Priority.INTERACTIVE
            )
            self.hits = len(self._known)
            truncated = self._submit_texts(answers)
            self._images.submit(self._known)
            self._images.wait_for_fetches()
            submitted = self._collect_images(answers)
            waiting_since = time.monotonic()
            vectors = self._gather(answers)
        except BaseException:
            _cancel(self._images.submitted.values())
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

    def _collect_images(self, answers: dict[int, Future[Vectors]]) -> list[SubmittedImage]:
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
