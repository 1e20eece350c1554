"""One part on its way through fetching, decoding and the model."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from itertools import chain, repeat

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.cache.embeddings import Embedding, text_key
from common.errors import ClipError, EncodeFailed
from common.ledger.records import BegunPart
from common.protocol.messages import Fault, PartAbout, PartResult, Priority, Timings, Vectors
from worker.batching.batcher import BatcherClosed, TooLate
from worker.batching.policy import PartRef
from worker.model.encoder import PreparedText, ensemble, runs_of
from worker.part.part_images import PartImages, SubmittedImage
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
        self._answers: dict[int, list[Future[Vectors]]] = {}
        self._faults: dict[int, Fault] = {}
        self._truncated: set[int] = set()
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
        try:
            known = self._pipeline.memory.find(
                self._begun.items, is_interactive=self._part.priority is Priority.INTERACTIVE
            )
            self._take(known)
            self._submit_texts(known)
            self._images.submit(known)
            inference_s = self._gather()
            self._remember_texts()
            self._images.wait_for_fetches()
            submitted = self._collect_images()
            inference_s += self._gather()
        except BaseException:
            _cancel(self._images.submitted.values())
            _cancel(chain.from_iterable(self._answers.values()))
            raise
        timings = Timings(
            queue=self._begun.waited_s,
            fetch=max((image.fetch_s for image in submitted), default=0.0),
            decode=max((image.decode_s for image in submitted), default=0.0),
            inference=inference_s,
        )
        truncated = tuple(sorted(self._truncated))
        about = PartAbout(self._encoder.info, self._faults, truncated, timings)
        return PartResult(self._vectors, about)

    def _take(self, known: Mapping[int, Embedding]) -> None:
        self.hits = len(known)
        for index, embedding in known.items():
            self._vectors[index] = embedding.vector
            if embedding.truncated:
                self._truncated.add(index)

    def _submit_texts(self, known: Mapping[int, Embedding]) -> None:
        """Hand texts that are not known to the batcher, each in all its templates."""
        texts = {
            index: item
            for index, item in enumerate(self._begun.items)
            if item.kind == "text" and index not in known
        }
        for index, item in texts.items():
            self._keys[index] = text_key(item.value, item.templates)
            self._answers[index] = []
        indices = chain.from_iterable(repeat(i, item.inputs) for i, item in texts.items())
        prompts = chain.from_iterable(item.prompts for item in texts.values())
        prepared = (text for run in runs_of(prompts) for text in self._prepare_texts(run))
        for index, text in zip(indices, prepared, strict=True):
            answer = self._pipeline.batcher.submit("text", text, self._part, text.weight)
            self._answers[index].append(answer)
            if text.truncated:
                self._truncated.add(index)

    def _prepare_texts(self, texts: Sequence[str]) -> Sequence[PreparedText]:
        self._cancellation.check()
        return self._encoder.prepare_texts(texts)

    def _remember_texts(self) -> None:
        for key, index in self.encoded.items():
            embedding = Embedding(self._vectors[index], index in self._truncated)
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
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
            else:
                submitted.append(ready)
                self._answers[index] = [ready.answer]
                if ready.hit:
                    self.hits += 1
                else:
                    self._keys[index] = ready.key
        return submitted

    def _gather(self) -> float:
        """Wait for all answers. Returns the seconds that this took."""
        started = time.monotonic()
        for index, answers in self._answers.items():
            try:
                encoded = [answer.result() for answer in answers]
            except (TooLate, BatcherClosed):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
            else:
                self._vectors[index] = encoded[0] if len(encoded) == 1 else ensemble(encoded)
        self._answers.clear()
        return time.monotonic() - started


def _cancel(futures: Iterable[Future[Vectors]] | Iterable[Future[SubmittedImage]]) -> None:
    for future in futures:
        future.cancel()
