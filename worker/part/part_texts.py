"""Tokenizes the texts of a part and submits them to the batcher."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import chain, repeat

from common.cache.embeddings import text_key
from common.protocol.messages import Item, Vectors
from worker.batching.policy import PartRef
from worker.model.encoder import PreparedText, runs_of
from worker.part.pipeline import CancellationCheck, Pipeline

Answer = tuple[int, Future[Vectors]]
"""The embedding of a prompt or an image, and the index of the item it belongs to."""

BATCHES_AHEAD = 2
"""One batch is encoded while the next one fills."""


class PartTexts:
    """Encodes the texts of one part, each in all its templates, a few batches at a time.

    The memory of a part therefore does not grow with the number of its prompts.
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
        self.tokens: Counter[int] = Counter()
        """The number of tokens of each text, in all its templates together."""
        indices = chain.from_iterable(repeat(i, text.inputs) for i, text in texts.items())
        prompts = chain.from_iterable(text.prompts for text in texts.values())
        prepared = chain.from_iterable(map(self._prepare, runs_of(prompts)))
        self._unsubmitted = zip(indices, prepared, strict=True)
        self._submitted: deque[tuple[Answer, int]] = deque()
        self._weight = 0

    def submit(self) -> None:
        """Submit prompts until the batcher holds its maximum of this part."""
        max_weight = BATCHES_AHEAD * self._pipeline.batcher.sizes["text"]
        while self._weight < max_weight and (text := next(self._unsubmitted, None)):
            index, prepared = text
            answer = self._pipeline.batcher.submit("text", prepared, self._part, prepared.weight)
            self._submitted.append(((index, answer), prepared.weight))
            self._weight += prepared.weight
            self.tokens[index] += len(prepared.ids)
            if prepared.truncated:
                self.truncated.add(index)

    def answers(self) -> Iterator[Answer]:
        """All answers of the batcher in order; wait for each before you take the next."""
        self.submit()
        while self._submitted:
            answer, weight = self._submitted[0]
            yield answer
            self._submitted.popleft()
            self._weight -= weight
            self.submit()

    def cancel(self) -> None:
        """Cancel the prompts that were submitted."""
        for (_, answer), _ in self._submitted:
            answer.cancel()

    def _prepare(self, texts: Sequence[str]) -> Sequence[PreparedText]:
        self._cancellation.check()
        return self._pipeline.encoder.prepare_texts(texts)
