"""Embeddings of texts that were encoded before: the same labels come with every request."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256

from common.protocol import Vectors


@dataclass(frozen=True, slots=True)
class KnownText:
    """The embedding of a text, and whether the model did not see it whole."""

    vector: Vectors
    truncated: bool


class TextMemory:
    """Remembers the texts used last, up to so many. Safe to use from many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, KnownText] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, texts: Sequence[str]) -> list[KnownText | None]:
        """What is known of each text, in their order."""
        keys = [_key(text) for text in texts]
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
            return [self._known.get(key) for key in keys]

    def learn(self, text: str, answer: Future[Vectors], *, truncated: bool) -> None:
        """Remember what comes of encoding a text, once it comes and if it does."""
        key = _key(text)

        def remember(ended: Future[Vectors]) -> None:
            if self._most and not ended.cancelled() and ended.exception() is None:
                # A copy: the answer is a row of a whole batch, and would keep it in memory.
                self._remember(key, KnownText(ended.result().copy(), truncated))

        answer.add_done_callback(remember)

    def _remember(self, key: bytes, known: KnownText) -> None:
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            if len(self._known) > self._most:
                self._known.popitem(last=False)


def _key(text: str) -> bytes:
    """Of one length, however long the text is."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
