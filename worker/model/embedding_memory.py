"""Known embeddings: texts in this worker's memory, and the embedding cache in Redis."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from common.cache.embeddings import CacheEntries, Embedding, EmbeddingCache, Space, key_of
from common.protocol.messages import Item, PartResult

CACHED_AGAIN_S = 60.0
"""How long a worker relies on its own memory only. Embeddings that are not looked up in the cache
are soon dropped there, and then an API process could not answer without a worker."""


@dataclass(frozen=True, slots=True)
class KnownText:
    """The embedding of a text, and the instant of time.monotonic() since when it is known."""

    embedding: Embedding
    since: float


class TextMemory:
    """An LRU cache of text embeddings. Thread-safe.

    The keys are those of common.cache.embeddings.text_key, of fixed length.
    """

    def __init__(self, max_texts: int) -> None:
        self._max_texts = max_texts
        self._known: OrderedDict[bytes, KnownText] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[bytes]) -> list[KnownText | None]:
        """The entry of each key, None for each miss."""
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
            return [self._known.get(key) for key in keys]

    def keep(self, key: bytes, embedding: Embedding) -> None:
        """Store an embedding."""
        if not self._max_texts:
            return
        # A copy, because the vector may be a row of a batch and would keep all of it in memory.
        own = replace(embedding, vector=embedding.vector.copy())
        with self._lock:
            self._known[key] = KnownText(own, time.monotonic())
            self._known.move_to_end(key)
            if len(self._known) > self._max_texts:
                self._known.popitem(last=False)


class Memory:
    """The embeddings that one worker knows, all of one space. Thread-safe."""

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
        """Known embeddings by item index; at most one round trip, none without a cache.

        Images behind URLs are looked up once they are fetched: see `find_image`. A single item of
        an interactive request is not looked up in the cache again, because the API just did.
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
        """The cached embedding of a fetched image."""
        [known] = self._cache.find(self.space, [key])
        return known

    def keep_text(self, key: bytes, embedding: Embedding) -> None:
        """Store the embedding of an encoded text."""
        self._texts.keep(key, embedding)

    def shared(self, result: PartResult, encoded: Mapping[bytes, int]) -> CacheEntries | None:
        """The cache entries for the items that were `encoded` (index by key)."""
        return self._cache.entries(self.space, result, encoded)
