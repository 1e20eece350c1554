"""Embeddings of texts that were encoded before: the same labels come with every request."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from common.embeddings import Embedding
from common.protocol import Vectors


@dataclass(frozen=True, slots=True)
class KnownText:
    """The embedding of a text, and since when it is known; an instant of time.monotonic()."""

    embedding: Embedding
    since: float


class TextMemory:
    """Remembers the texts used last, by their keys, up to so many. Safe to use from many threads.

    The keys are those of common.embeddings.text_key: of one length, however long the text is.
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

    def learn(self, key: bytes, answer: Future[Vectors], *, truncated: bool) -> None:
        """Remember what comes of encoding a text, once it comes and if it does."""

        def remember(ended: Future[Vectors]) -> None:
            if not ended.cancelled() and ended.exception() is None:
                self.keep(key, Embedding(ended.result(), truncated))

        answer.add_done_callback(remember)

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
