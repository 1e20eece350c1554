"""The one task: begin → fetch and decode → batcher → finish."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import structlog

from common.errors import ClipError, EncodeFailed, NotAnImage
from common.jobs import BegunPart, Ledger
from common.protocol import Fault, Item, PartResult, Timings, Vectors
from worker.batcher import Batcher, BatcherClosed, TooLate
from worker.decode import decode
from worker.encoder import Encoder
from worker.fetch import Fetcher

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture on its way to the batcher, and the seconds that it took to get there."""

    answer: Future[Vectors]
    fetch_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class PartRunner:
    """Encodes parts of jobs. Holds what the task needs, and no state of its own."""

    worker: str
    ledger: Ledger
    encoder: Encoder
    batcher: Batcher
    fetcher: Fetcher
    pictures: ThreadPoolExecutor
    max_image_pixels: int

    def run(self, job: str, part: int, *, is_urgent: bool) -> None:
        """Do one part, unless nobody wants it any more.

        Raises:
            BatcherClosed: this process is ending; another worker must do the part.
        """
        begun = self.ledger.begin(job, part, self.worker)
        if begun is None:
            log.info("part_not_wanted", job=job, part=part)
            return
        started = time.monotonic()
        try:
            result = self._encode(job, begun, is_urgent=is_urgent)
        except TooLate:
            log.info("part_too_late", job=job, part=part)
            return
        stored = self.ledger.finish(job, part, begun.items, result)
        log.info(
            "part_done",
            job=job,
            part=part,
            items=len(begun.items),
            failed=len(result.faults),
            stored=stored,
            seconds=round(time.monotonic() - started, 4),
        )

    def _encode(self, job: str, begun: BegunPart, *, is_urgent: bool) -> PartResult:
        deadline = time.monotonic() + begun.left_s
        submit = Submission(self.batcher, deadline, is_urgent)
        texts = {i: item.value for i, item in enumerate(begun.items) if item.kind == "text"}
        prepared_texts = self.encoder.prepare_texts(list(texts.values())) if texts else []
        answers: dict[int, Future[Vectors]] = {
            index: submit("text", text) for index, text in zip(texts, prepared_texts, strict=True)
        }
        pictures = self._prepare_pictures(job, begun.items, submit)
        faults: dict[int, Fault] = {}
        prepared: list[Prepared] = []
        for index, picture in pictures.items():
            try:
                prepared.append(picture.result())
                answers[index] = prepared[-1].answer
            except ClipError as error:
                faults[index] = Fault(error.code, error.detail)
        waiting_since = time.monotonic()
        vectors = self._gather(len(begun.items), answers, faults)
        return PartResult(
            vectors=vectors,
            model=self.encoder.info,
            faults=faults,
            truncated=tuple(i for i, t in zip(texts, prepared_texts, strict=True) if t.truncated),
            timings=Timings(
                queue=begun.waited_s,
                fetch=max((p.fetch_s for p in prepared), default=0.0),
                decode=max((p.decode_s for p in prepared), default=0.0),
                inference=time.monotonic() - waiting_since,
            ),
        )

    def _prepare_pictures(
        self, job: str, items: list[Item], submit: "Submission"
    ) -> dict[int, Future[Prepared]]:
        digests = [item.value for item in items if item.kind == "blob"]
        blobs = dict(zip(digests, self.ledger.blobs(job, digests), strict=True))
        return {
            index: self.pictures.submit(self._prepare_picture, item, blobs, submit)
            for index, item in enumerate(items)
            if item.kind != "text"
        }

    def _prepare_picture(
        self, item: Item, blobs: Mapping[str, bytes | None], submit: "Submission"
    ) -> Prepared:
        started = time.monotonic()
        content = self.fetcher.fetch(item.value) if item.kind == "uri" else blobs[item.value]
        if content is None:
            raise NotAnImage("is no longer there")
        fetched = time.monotonic()
        pixels = self.encoder.prepare_image(decode(content, self.max_image_pixels))
        decoded = time.monotonic()
        return Prepared(submit("image", pixels), fetched - started, decoded - fetched)

    def _gather(
        self, count: int, answers: Mapping[int, Future[Vectors]], faults: dict[int, Fault]
    ) -> Vectors:
        vectors = np.zeros((count, self.encoder.info.dimension), dtype=np.float32)
        for index, answer in answers.items():
            try:
                vectors[index] = answer.result()
            except (TooLate, BatcherClosed):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
        return vectors


@dataclass(frozen=True, slots=True)
class Submission:
    """Hands items of one part to the batcher."""

    batcher: Batcher
    deadline: float
    is_urgent: bool

    def __call__(self, kind: str, payload: object) -> Future[Vectors]:
        return self.batcher.submit(kind, payload, self.deadline, is_urgent=self.is_urgent)
