"""The images of a part: fetched, decoded and submitted to the batcher."""

import time
from collections.abc import Container
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from common.cache.embeddings import image_key, key_of
from common.errors import NotAnImage
from common.ledger.records import BegunPart
from common.protocol.messages import Alpha, Item, Vectors
from worker.batching.batcher import TooLate
from worker.batching.policy import PartRef
from worker.images.decode import Conversion, EncodedImage
from worker.model.encoder import PreparedImage
from worker.net.urls import host_of
from worker.part.pipeline import CHECK_EVERY_S, CancellationCheck, Pipeline


@dataclass(frozen=True, slots=True)
class SubmittedImage:
    """An image in the batcher, and the seconds that it took to get there.

    It is `transparent` if not all of its pixels are opaque. A `hit` in the cache has its answer
    already.
    """

    key: bytes
    answer: Future[Vectors]
    fetch_s: float
    decode_s: float
    transparent: bool
    hit: bool = False


class PartImages:
    """Fetches and decodes the images of one part; uploaded ones do not wait for fetched ones."""

    def __init__(
        self, pipeline: Pipeline, begun: BegunPart, part: PartRef, cancellation: CancellationCheck
    ) -> None:
        self._pipeline = pipeline
        self._encoder = pipeline.encoder
        self._threads = pipeline.image_threads[part.priority]
        self._budget = pipeline.budgets[part.priority]
        self._begun = begun
        self._part = part
        self._cancellation = cancellation
        self._urls: dict[int, str] = {}
        self._arrived: set[int] = set()
        self.submitted: dict[int, Future[SubmittedImage]] = {}
        """By the index of the item."""

    def submit(self, known: Container[int]) -> None:
        """Start on all images except known ones."""
        items = {i: item for i, item in enumerate(self._begun.items) if i not in known}
        fetched = {i: item for i, item in items.items() if item.kind == "uri"}
        self._urls = {i: item.value for i, item in fetched.items()}
        for index, item in fetched.items():
            self.submitted[index] = self._fetched(index, item)
        uploaded = {i: item for i, item in items.items() if item.kind == "blob"}
        for index, item in uploaded.items():
            if len(uploaded) == 1:  # another thread would gain nothing
                self.submitted[index] = self._submitted_here(item)
            else:
                self.submitted[index] = self._threads.submit(self._submit_uploaded, item)

    def wait_for_fetches(self) -> None:
        """Wait until all images have arrived.

        Raises:
            TooLate, Cancelled, PartReleased: waiting is pointless.
        """
        missing = self._missing()
        if not missing:
            return
        hosts = frozenset(host_of(url) for url in self._urls.values())
        with self._pipeline.fetching.waiting(self._part, hosts) as fetching:
            while missing:
                wait(missing, CHECK_EVERY_S, FIRST_COMPLETED)
                before, missing = len(missing), self._missing()
                if not missing:
                    return
                if time.monotonic() > self._part.deadline:
                    raise TooLate
                self._cancellation.check()
                self._pipeline.fetching.check(fetching, has_arrived=len(missing) < before)

    def _missing(self) -> list[Future[SubmittedImage]]:
        fetched = (self.submitted[index] for index in self._urls if index not in self._arrived)
        return [image for image in fetched if not image.done()]

    def _fetched(self, index: int, item: Item) -> Future[SubmittedImage]:
        def hand_over(content: bytes, fetch_s: float) -> SubmittedImage:
            """Pass the image to the threads that decode."""
            self._arrived.add(index)
            return self._threads.submit(self._submit_fetched, item, content, fetch_s).result()

        return self._pipeline.fetcher.submit(item.value, self._part, hand_over)

    def _submitted_here(self, item: Item) -> Future[SubmittedImage]:
        """The same as a pool of threads would return, but computed in this thread."""
        done: Future[SubmittedImage] = Future()
        try:
            done.set_result(self._submit_uploaded(item))
        except Exception as error:  # noqa: BLE001 - raised where the result is read
            done.set_exception(error)
        return done

    def _submit_uploaded(self, item: Item) -> SubmittedImage:
        self._cancellation.check()
        content = self._begun.blobs.get(item.blob)
        if content is None:
            raise NotAnImage("is no longer stored")
        key = key_of(item) or image_key(content, item.alpha)
        return self._submit_image(key, content, item.alpha, 0.0)

    def _submit_fetched(self, item: Item, content: bytes, fetch_s: float) -> SubmittedImage:
        self._cancellation.check()
        key = image_key(content, item.alpha)
        if known := self._pipeline.memory.find_image(key):
            answer: Future[Vectors] = Future()
            answer.set_result(known.vector)
            return SubmittedImage(key, answer, fetch_s, 0.0, known.transparent, hit=True)
        return self._submit_image(key, content, item.alpha, fetch_s)

    def _submit_image(
        self, key: bytes, content: bytes, alpha: Alpha, fetch_s: float
    ) -> SubmittedImage:
        """Decode an image and submit it to the batcher."""
        started = time.monotonic()
        prepared, transparent = self._decode(content, alpha)
        answer = self._pipeline.batcher.submit("image", prepared, self._part)
        return SubmittedImage(key, answer, fetch_s, time.monotonic() - started, transparent)

    def _decode(self, content: bytes, alpha: Alpha) -> tuple[PreparedImage, bool]:
        """The input of the model, and whether the image is transparent."""
        limits, processes = self._pipeline.limits, self._pipeline.decode_processes
        conversion = Conversion(
            self._pipeline.exif_orientation, alpha, keeps_mode=self._encoder.resizes_first
        )
        image = EncodedImage.open(content, limits, conversion)
        is_drafted = self._pipeline.jpeg_draft
        min_size = self._encoder.smallest_useful(*image.size) if is_drafted else None
        if min_size:
            image.shrink(min_size)
        with self._budget.hold(image.pixels, self._cancellation.check):
            if processes:
                result = processes.decode(content, limits, conversion, min_size)
            else:
                decoded = image.decode()
                result = self._encoder.prepare_image(decoded), decoded.is_transparent
        self._cancellation.check()
        return result
