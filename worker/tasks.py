"""The one task: begin → fetch and decode → batcher → finish."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import structlog
from redis.exceptions import RedisError

from common.embeddings import Embedding, key_of, picture_key, text_key
from common.errors import ClipError, EncodeFailed, GivenUp, NotAnImage
from common.jobs import Ledger
from common.protocol import Broken, Fault, Item, Later, PartAbout, PartResult, Timings, Vectors
from common.records import BegunPart
from worker.batcher import Batcher, BatcherClosed, TooLate
from worker.decode import Picture
from worker.encoder import Encoder, PreparedImage
from worker.fetch import Fetcher
from worker.formats.limits import Limits
from worker.in_flight import Abandoned, InFlight
from worker.interest import Interest, NotWanted
from worker.memory import Memory
from worker.observer import NOBODY, Observer
from worker.pixel_budget import PixelBudget
from worker.policy import Origin

log = structlog.get_logger()


class RunPart(Protocol):
    """Does one part: see PartRunner.run."""

    def __call__(self, job: str, part: int, *, is_urgent: bool) -> None: ...


MAX_STRIKES = 3
MAX_TRIES = 20
"""A part is begun again after every death of a worker, but not for ever: it may be the cause."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture handed to the batcher, and the seconds that it took to get there.

    One that turned out to be `known` has been answered already.
    """

    key: bytes
    answer: Future[Vectors]
    fetch_s: float
    decode_s: float
    known: bool = False


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
    memory: Memory
    in_flight: InFlight
    jpeg_draft: bool = False
    observer: Observer = NOBODY

    def run(self, job: str, part: int, *, is_urgent: bool) -> None:
        """Do one part, unless nobody wants it any more.

        Raises:
            BatcherClosed: this process is ending; another worker must do the part.
        """
        try:
            begun = self.ledger.begin(job, part, self.worker)
        except Later as error:
            log.warning("part_left_to_a_later_release", job=job, part=part, reason=str(error))
            return
        except Broken as error:
            log.warning("part_refused", job=job, part=part, reason=str(error))
            self.ledger.stop(job, "failed", "broken")
            return
        if begun is None:
            log.info("part_not_wanted", job=job, part=part)
            return
        self.observer.begun()
        started = time.monotonic()
        origin = Origin(job, part, started + begun.left_s, is_urgent, alone=begun.strikes > 0)
        run = PartRun(self, begun, origin)
        try:
            result = self._give_up(begun) or run.encode()
        except (TooLate, NotWanted):
            log.info("part_no_longer_wanted", job=job, part=part)
            self.observer.dropped()
            return
        shared = self.memory.shared(result, run.encoded)
        stored = self.ledger.finish(job, part, begun.items, result, shared)
        log.info(
            "part_done",
            job=job,
            part=part,
            items=len(begun.items),
            failed=len(result.about.faults),
            stored=stored,
            seconds=round(time.monotonic() - started, 4),
        )
        if stored:
            self.observer.finished(begun.items, result, run.known)
        else:
            self.observer.dropped()

    def _give_up(self, begun: BegunPart) -> PartResult | None:
        """A result without embeddings, for a part that took down worker after worker."""
        if begun.strikes < MAX_STRIKES and begun.tries < MAX_TRIES:
            return None
        fault = Fault(GivenUp.code, GivenUp.title)
        faults = dict.fromkeys(range(len(begun.items)), fault)
        vectors = np.zeros((len(begun.items), self.encoder.info.dimension), dtype=np.float32)
        return PartResult(vectors, PartAbout(self.encoder.info, faults))


class PartRun:
    """One part on its way through fetching, decoding and the model.

    It may wait for another part in which the same thing is under way, unless it is told not to.
    """

    def __init__(
        self, runner: PartRunner, begun: BegunPart, origin: Origin, *, may_follow: bool = True
    ) -> None:
        self._runner = runner
        self._may_follow = may_follow
        self._encoder = runner.encoder
        self._begun = begun
        self._origin = origin
        self._interest = Interest(runner.ledger, origin.job)
        self._faults: dict[int, Fault] = {}
        self._known: dict[int, Embedding] = {}
        self._keys: dict[int, bytes] = {}
        self._abandoned: list[int] = []
        self.encoded: dict[bytes, int] = {}
        """The index of each thing that was encoded for this part, by its key."""
        self.known = 0
        """How many of its items need not be encoded."""

    def encode(self) -> PartResult:
        """Encode all items; one that fails costs itself alone.

        Raises:
            TooLate, NotWanted, BatcherClosed: and what was under way is dropped.
        """
        answers: dict[int, Future[Vectors]] = {}
        pictures: dict[int, Future[Prepared]] = {}
        try:
            # Who waits for an answer has asked the cache before there was a job.
            self._known = self._runner.memory.find(
                self._begun.items, asked_for=self._origin.is_urgent
            )
            self.known = len(self._known)
            truncated = self._submit_texts(answers)
            pictures.update(self._prepare_pictures())
            prepared = self._collect_pictures(pictures, answers)
            waiting_since = time.monotonic()
            vectors = self._gather(answers)
            self._note_encoded()
            self._encode_abandoned(vectors)
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

    def _submit(self, kind: str, key: bytes, prepare: Callable[[], object]) -> Future[Vectors]:
        """Hand one thing to the batcher, or wait for whoever has handed in the same."""

        def submit() -> Future[Vectors]:
            return self._runner.batcher.submit(kind, prepare(), self._origin)

        if not self._may_follow:
            return submit()
        return self._runner.in_flight.encode(key, self._origin, submit)

    def _submit_texts(self, answers: dict[int, Future[Vectors]]) -> tuple[int, ...]:
        """Hand texts that are new to the batcher. Returns the indices of all that were cut."""
        truncated = [index for index, known in self._known.items() if known.truncated]
        texts = {i: item.value for i, item in enumerate(self._begun.items) if item.kind == "text"}
        new = {index: text for index, text in texts.items() if index not in self._known}
        prepared = self._encoder.prepare_texts(list(new.values())) if new else []
        for index, text in zip(new, prepared, strict=True):
            key = self._keys[index] = text_key(new[index])
            answers[index] = self._submit("text", key, lambda text=text: text)  # type: ignore[misc]
            self._runner.memory.learn_text(key, answers[index], truncated=text.truncated)
            if text.truncated:
                truncated.append(index)
        return tuple(sorted(truncated))

    def _prepare_pictures(self) -> dict[int, Future[Prepared]]:
        runner = self._runner
        pool = runner.urgent_pictures if self._origin.is_urgent else runner.other_pictures
        pictures = {
            index: item
            for index, item in enumerate(self._begun.items)
            if item.kind != "text" and index not in self._known
        }
        if len(pictures) == 1:  # nothing to gain from another thread
            return {index: _done(self._prepare_picture, item) for index, item in pictures.items()}
        return {index: pool.submit(self._prepare_picture, item) for index, item in pictures.items()}

    def _prepare_picture(self, item: Item) -> Prepared:
        self._interest.check()
        started = time.monotonic()
        content = self._content(item)
        if content is None:
            raise NotAnImage("is no longer there")
        fetch_s = time.monotonic() - started
        key = key_of(item) or picture_key(content)
        if item.kind == "uri" and (known := self._runner.memory.find_picture(key)):
            return Prepared(key, _answered(known), fetch_s, 0.0, known=True)
        started = time.monotonic()
        answer = self._submit("image", key, lambda: self._decode(content))
        return Prepared(key, answer, fetch_s, time.monotonic() - started)

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
            prepared = self._encoder.prepare_image(picture.decode())
        self._interest.check()
        return prepared

    def _collect_pictures(
        self, pictures: Mapping[int, Future[Prepared]], answers: dict[int, Future[Vectors]]
    ) -> list[Prepared]:
        prepared = []
        for index, picture in pictures.items():
            try:
                ready = picture.result()
                prepared.append(ready)
                answers[index] = ready.answer
                if ready.known:
                    self.known += 1
                else:
                    self._keys[index] = ready.key
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
        for index, known in self._known.items():
            vectors[index] = known.vector
        for index, answer in answers.items():
            try:
                vectors[index] = answer.result()
            except (TooLate, BatcherClosed):
                raise
            except Abandoned:
                self._abandoned.append(index)
            except Exception as error:  # noqa: BLE001 - whatever the model raised
                log.warning("encode_failed", error=repr(error))
                self._faults[index] = Fault(EncodeFailed.code, EncodeFailed.title)
        return vectors

    def _note_encoded(self) -> None:
        for index, key in self._keys.items():
            if index not in self._faults and index not in self._abandoned:
                self.encoded[key] = index

    def _encode_abandoned(self, vectors: Vectors) -> None:
        """Encode what others were to encode and did not; this time without waiting for anybody."""
        if not self._abandoned:
            return
        left = [self._begun.items[index] for index in self._abandoned]
        begun = replace(self._begun, items=left)
        run = PartRun(self._runner, begun, self._origin, may_follow=False)
        result = run.encode()
        vectors[self._abandoned] = result.vectors
        self._faults |= {self._abandoned[at]: fault for at, fault in result.about.faults.items()}
        self.encoded |= {key: self._abandoned[at] for key, at in run.encoded.items()}


def _done(prepare: Callable[[Item], Prepared], item: Item) -> Future[Prepared]:
    """What a thread pool would give, done here and now."""
    done: Future[Prepared] = Future()
    try:
        done.set_result(prepare(item))
    except Exception as error:  # noqa: BLE001 - whoever asks for the result is told
        done.set_exception(error)
    return done


def _answered(known: Embedding) -> Future[Vectors]:
    answer: Future[Vectors] = Future()
    answer.set_result(known.vector)
    return answer


def _cancel(futures: Iterable[Future[Vectors]] | Iterable[Future[Prepared]]) -> None:
    for future in futures:
        future.cancel()
