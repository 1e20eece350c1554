"""What a worker need not encode: texts that it remembers itself, and what is cached for all."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.cache.embeddings import CacheEntries, Embedding, EmbeddingCache, Space, key_of
from common.protocol.messages import Item, PartResult

CACHED_AGAIN_S = 60.0
"""How long a worker relies on its own memory alone. What is not looked up in the cache is soon
dropped there, and then no API process could answer without a worker."""


@dataclass(frozen=True, slots=True)
class KnownText:
    """The embedding of a text, and since when it is known; an instant of time.monotonic()."""

    embedding: Embedding
    since: float


class TextMemory:
    """Remembers the texts used last, by their keys, up to so many. Safe to use from many threads.

    The keys are those of common.cache.embeddings.text_key: of one length, however long the text is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, KnownText] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[bytes]) -> list[KnownText | None]:
        """What is known of each text, in their order."""
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
            return [self._known.get(key) for key in keys]

    def keep(self, key: bytes, embedding: Embedding) -> None:
        """Remember an embedding as of now."""
        if not self._most:
            return
        # A copy: the vector may be a row of a whole batch, and would keep it in memory.
        own = Embedding(embedding.vector.copy(), embedding.truncated)
        with self._lock:
            self._known[key] = KnownText(own, time.monotonic())
            self._known.move_to_end(key)
            if len(self._known) > self._most:
                self._known.popitem(last=False)


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
        self.space = space
        self._cached_again_s = cached_again_s

    def find(self, items: Sequence[Item], *, is_interactive: bool = False) -> dict[int, Embedding]:
        """What is known, by the index of the item: one round trip at most, none without a cache.

        Of a URL nothing is known before it was fetched: see `find_image`. The API has looked up an
        interactive request a moment ago, so that a single item is not looked up again.
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
        if is_interactive and len(asked) == 1:
            return known
        found = dict(zip(asked, self._cache.find(self.space, list(asked.values())), strict=True))
        cached = {index: embedding for index, embedding in found.items() if embedding}
        lost = {index: known[index] for index in asked if index in known and index not in cached}
        self._cache.store(self.space, {keys[index]: lost[index] for index in lost})
        for index in texts.keys() & (cached.keys() | lost.keys()):
            self._texts.keep(texts[index], cached.get(index) or known[index])
        return known | cached

    def find_image(self, key: bytes) -> Embedding | None:
        """What is known of an image that was fetched."""
        [known] = self._cache.find(self.space, [key])
        return known

    def keep_text(self, key: bytes, embedding: Embedding) -> None:
        """Remember a text that was encoded."""
        self._texts.keep(key, embedding)

    def shared(self, result: PartResult, encoded: Mapping[bytes, int]) -> CacheEntries | None:
        """What the ledger is to share of what was `encoded` here, by key and index."""
        return self._cache.entries(self.space, result, encoded)
