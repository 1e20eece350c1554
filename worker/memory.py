"""What a worker need not encode: texts that it remembers itself, and what is cached for all."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from common.embeddings import Embedding, EmbeddingCache, Space, key_of
from common.protocol import Item, PartResult, Vectors
from worker.text_memory import TextMemory

CACHED_AGAIN_S = 60.0
"""How long a worker relies on its own memory alone. What nobody asks the cache for is soon dropped
there, and then no API process could answer without a worker."""


class Memory:
    """The memory of one worker, whose embeddings are of one space. Safe in many threads."""

    def __init__(
        self,
        texts: TextMemory,
        cache: EmbeddingCache,
        space: Space,
        cached_again_s: float = CACHED_AGAIN_S,
    ) -> None:
        self._texts = texts
        self._cache = cache
        self._space = space
        self._cached_again_s = cached_again_s

    def find(self, items: Sequence[Item], *, asked_for: bool = False) -> dict[int, Embedding]:
        """What is known, by the index of the item: one round trip at most, none without a cache.

        Of a URL nothing is known before it was fetched: see `find_picture`. If the cache was
        `asked_for` all of them a moment ago, in vain, it is not asked again for a single one.
        """
        keys = {index: key for index, item in enumerate(items) if (key := key_of(item))}
        texts = {index: key for index, key in keys.items() if items[index].kind == "text"}
        remembered = dict(zip(texts, self._texts.find(list(texts.values())), strict=True))
        known = {index: text.embedding for index, text in remembered.items() if text}
        if not self._cache.is_on:
            return known
        fresh_since = time.monotonic() - self._cached_again_s
        fresh = {index for index, text in remembered.items() if text and text.since > fresh_since}
        asked = {index: key for index, key in keys.items() if index not in fresh}
        if asked_for and len(asked) == 1:
            return known
        found = dict(zip(asked, self._cache.find(self._space, list(asked.values())), strict=True))
        cached = {index: embedding for index, embedding in found.items() if embedding}
        lost = {index: known[index] for index in asked if index in known and index not in cached}
        self._cache.store(self._space, {keys[index]: lost[index] for index in lost})
        for index in texts.keys() & (cached.keys() | lost.keys()):
            self._texts.keep(texts[index], cached.get(index) or known[index])
        return known | cached

    def find_picture(self, key: bytes) -> Embedding | None:
        """What is known of a picture that was fetched."""
        [known] = self._cache.find(self._space, [key])
        return known

    def learn_text(self, key: bytes, answer: Future[Vectors], *, truncated: bool) -> None:
        """Remember a text as soon as it is encoded."""
        self._texts.learn(key, answer, truncated=truncated)

    def shared(
        self, result: PartResult, encoded: Mapping[bytes, int]
    ) -> tuple[str | int | bytes, ...]:
        """What the ledger is told to let others have what was `encoded` here, by key and place."""
        return self._cache.entries(self._space, result, encoded)
