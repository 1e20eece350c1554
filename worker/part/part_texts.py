"""The texts of a part on their way through the tokenizer to the batcher."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import chain, repeat

from common.cache.embeddings import text_key
from common.protocol.messages import Item, Vectors
from worker.batching.policy import PartRef
from worker.model.encoder import PreparedText, runs_of
from worker.part.pipeline import CancellationCheck, Pipeline

Answer = tuple[int, Future[Vectors]]
"""What the model makes of a prompt or an image, with the index of the item that it belongs to."""

BATCHES_AHEAD = 2
"""One is in the model while the next one gathers."""


class PartTexts:
    """Has the texts of one part encoded, each in all its templates, a few batches at a time.

    So what a part takes in memory does not grow with the number of its prompts.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        texts: Mapping[int, Item],
        part: PartRef,
        cancellation: CancellationCheck,
    ) -> None:
        self._pipeline = pipeline
        self._part = part
        self._cancellation = cancellation
        self.keys = {i: text_key(text.value, text.templates) for i, text in texts.items()}
        """The key in the cache of each text, by the index of the item."""
        self.truncated: set[int] = set()
        indices = chain.from_iterable(repeat(i, text.inputs) for i, text in texts.items())
        prompts = chain.from_iterable(text.prompts for text in texts.values())
        prepared = chain.from_iterable(map(self._prepare, runs_of(prompts)))
        self._unsubmitted = zip(indices, prepared, strict=True)
        self._submitted: deque[tuple[Answer, int]] = deque()
        self._weight = 0

    def submit(self) -> None:
        """Hand the batcher as many prompts as it may hold of this part."""
        most = BATCHES_AHEAD * self._pipeline.batcher.sizes["text"]
        while self._weight < most and (text := next(self._unsubmitted, None)):
            index, prepared = text
            answer = self._pipeline.batcher.submit("text", prepared, self._part, prepared.weight)
            self._submitted.append(((index, answer), prepared.weight))
            self._weight += prepared.weight
            if prepared.truncated:
                self.truncated.add(index)

    def answers(self) -> Iterator[Answer]:
        """All of the batcher's answers in order; wait for each before the next is asked for."""
        self.submit()
        while self._submitted:
            answer, weight = self._submitted[0]
            yield answer
            self._submitted.popleft()
            self._weight -= weight
            self.submit()

    def cancel(self) -> None:
        """Drop what is under way."""
        for (_, answer), _ in self._submitted:
            answer.cancel()

    def _prepare(self, texts: Sequence[str]) -> Sequence[PreparedText]:
        self._cancellation.check()
        return self._pipeline.encoder.prepare_texts(texts)
