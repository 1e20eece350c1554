"""The one task: begin → fetch and decode → batcher → finish."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.errors import ClipError, EncodeFailed, GivenUp, NotAnImage
from common.jobs import Ledger
from common.protocol import Broken, Fault, Item, PartAbout, PartResult, Timings, Vectors
from common.records import BegunPart
from worker.batcher import Batcher, BatcherClosed, TooLate
from worker.decode import Picture
from worker.encoder import Encoder, PreparedImage
from worker.fetch import Fetcher
from worker.formats.limits import Limits
from worker.interest import Interest, NotWanted
from worker.pixel_budget import PixelBudget
from worker.policy import Origin
from worker.text_memory import TextMemory

log = structlog.get_logger()

MAX_STRIKES = 3
MAX_TRIES = 20
"""A part is begun again after every death of a worker, but not for ever: it may be the cause."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture handed to the batcher, and the seconds that it took to get there."""

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
    urgent_pictures: ThreadPoolExecutor
    other_pictures: ThreadPoolExecutor
    limits: Limits
    budget: PixelBudget
    texts: TextMemory
    jpeg_draft: bool = False

    def run(self, job: str, part: int, *, is_urgent: bool) -> None:
        """Do one part, unless nobody wants it any more.

        Raises:
            BatcherClosed: this process is ending; another worker must do the part.
        """
        try:
            begun = self.ledger.begin(job, part, self.worker)
        except Broken as error:
            log.warning("part_refused", job=job, part=part, reason=str(error))
            self.ledger.stop(job, "failed", "broken")
            return
        if begun is None:
            log.info("part_not_wanted", job=job, part=part)
            return
        started = time.monotonic()
        origin = Origin(job, part, started + begun.left_s, is_urgent, alone=begun.strikes > 0)
        try:
            result = self._give_up(begun) or PartRun(self, begun, origin).encode()
        except (TooLate, NotWanted):
            log.info("part_no_longer_wanted", job=job, part=part)
            return
        stored = self.ledger.finish(job, part, begun.items, result)
        log.info(
            "part_done",
            job=job,
            part=part,
            items=len(begun.items),
            failed=len(result.about.faults),
            stored=stored,
            seconds=round(time.monotonic() - started, 4),
        )

    def _give_up(self, begun: BegunPart) -> PartResult | None:
        """A result without embeddings, for a part that took down worker after worker."""
        if begun.strikes < MAX_STRIKES and begun.tries < MAX_TRIES:
            return None
        fault = Fault(GivenUp.code, GivenUp.title)
        faults = dict.fromkeys(range(len(begun.items)), fault)
        vectors = np.zeros((len(begun.items), self.encoder.info.dimension), dtype=np.float32)
        return PartResult(vectors, PartAbout(self.encoder.info, faults))


class PartRun:
    """One part on its way through fetching, decoding and the model."""

    def __init__(self, runner: PartRunner, begun: BegunPart, origin: Origin) -> None:
        self._runner = runner
        self._encoder = runner.encoder
        self._begun = begun
        self._origin = origin
        self._interest = Interest(runner.ledger, origin.job)
        self._faults: dict[int, Fault] = {}
        self._known: dict[int, Vectors] = {}

    def encode(self) -> PartResult:
        """Encode all items; one that fails costs itself alone.

        Raises:
            TooLate, NotWanted, BatcherClosed: and what was under way is dropped.
        """
        answers: dict[int, Future[Vectors]] = {}
        pictures: dict[int, Future[Prepared]] = {}
        try:
            truncated = self._submit_texts(answers)
            pictures.update(self._prepare_pictures())
            prepared = self._collect_pictures(pictures, answers)
            waiting_since = time.monotonic()
            vectors = self._gather(answers)
        except BaseException:
            _cancel(pictures.values())
            _cancel(answers.values())
            raise
        timings = Timings(
            queue=self._begun.waited_s,
            fetch=max((p.fetch_s for p in prepared), default=0.0),
            decode=max((p.decode_s for p in prepared), default=0.0),
            inference=time.monotonic() - waiting_since,
        )
        return PartResult(vectors, PartAbout(self._encoder.info, self._faults, truncated, timings))

    def _submit(self, kind: str, payload: object) -> Future[Vectors]:
        return self._runner.batcher.submit(kind, payload, self._origin)

    def _submit_texts(self, answers: dict[int, Future[Vectors]]) -> tuple[int, ...]:
        """Hand texts that are new to the batcher. Returns the indices of all that were cut."""
        memory = self._runner.texts
        texts = {i: item.value for i, item in enumerate(self._begun.items) if item.kind == "text"}
        found = dict(zip(texts, memory.find(list(texts.values())), strict=True))
        self._known = {index: known.vector for index, known in found.items() if known}
        truncated = [index for index, known in found.items() if known and known.truncated]
        new = [index for index, known in found.items() if known is None]
        prepared = self._encoder.prepare_texts([texts[index] for index in new]) if new else []
        for index, text in zip(new, prepared, strict=True):
            answers[index] = self._submit("text", text)
            memory.learn(texts[index], answers[index], truncated=text.truncated)
            if text.truncated:
                truncated.append(index)
        return tuple(sorted(truncated))

    def _prepare_pictures(self) -> dict[int, Future[Prepared]]:
        runner, items = self._runner, self._begun.items
        pool = runner.urgent_pictures if self._origin.is_urgent else runner.other_pictures
        return {
            index: pool.submit(self._prepare_picture, item)
            for index, item in enumerate(items)
            if item.kind != "text"
        }

    def _prepare_picture(self, item: Item) -> Prepared:
        self._interest.check()
        started = time.monotonic()
        content = self._content(item)
        if content is None:
            raise NotAnImage("is no longer there")
        fetched = time.monotonic()
        pixels = self._decode(content)
        decoded = time.monotonic()
        self._interest.check()
        return Prepared(self._submit("image", pixels), fetched - started, decoded - fetched)

    def _content(self, item: Item) -> bytes | None:
        if item.kind == "uri":
            return self._runner.fetcher.fetch(item.value)
        return self._begun.blobs.get(item.value)

    def _decode(self, content: bytes) -> PreparedImage:
        picture = Picture.open(content, self._runner.limits)
        if self._runner.jpeg_draft:
            least = self._encoder.smallest_useful(*picture.size)
            if least:
                picture.shrink(least)
        with self._runner.budget.hold(picture.pixels, self._interest.check):
            return self._encoder.prepare_image(picture.decode())

    def _collect_pictures(
        self, pictures: Mapping[int, Future[Prepared]], answers: dict[int, Future[Vectors]]
    ) -> list[Prepared]:
        prepared = []
        for index, picture in pictures.items():
            try:
                prepared.append(picture.result())
                answers[index] = prepared[-1].answer
            except ClipError as error:
                self._faults[index] = Fault(error.code, error.detail)
            except (NotWanted, TooLate, BatcherClosed, CancelledError, RedisError):
                raise
            except Exception as error:  # a picture out of the ordinary, or a bug
                log.warning("picture_failed", error=repr(error), exc_info=error)
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
        return prepared

    def _gather(self, answers: Mapping[int, Future[Vectors]]) -> Vectors:
        shape = (len(self._begun.items), self._encoder.info.dimension)
        vectors = np.zeros(shape, dtype=np.float32)
        for index, vector in self._known.items():
            vectors[index] = vector
        for index, answer in answers.items():
            try:
                vectors[index] = answer.result()
            except (TooLate, BatcherClosed):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
        return vectors


def _cancel(futures: Iterable[Future[Vectors]] | Iterable[Future[Prepared]]) -> None:
    for future in futures:
        future.cancel()
