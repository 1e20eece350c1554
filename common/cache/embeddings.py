"""The shared cache of embeddings: what one worker computed, no other needs to compute again.

An embedding is found by its *space* and the content it was made of, never by a URL. A space is all
that decides the numbers. It has two generations, each one hash in Redis: what is stored goes into
the new one; when that holds half of what is allowed, the old one is dropped and the new one takes
its place. So the number of embeddings is bounded whatever the server does when its memory is full,
and what was used recently stays.

The cache is shared between API keys. A lookup needs the content itself, byte by byte; all that a
client can learn is that the same was encoded before, from how quick the answer is. A worker's
memory of texts tells as much. The answer is the same either way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
import structlog
from redis import Redis
from redis.exceptions import RedisError

from common.protocol.messages import Item, ModelInfo, PartResult, Vectors
from common.redis.scripts import LuaScript

log = structlog.get_logger()

PREPROCESSING_VERSION = 1
"""Raise it whenever the same content comes to other embeddings of the same model."""
SPACE_CHARS = 16
KEY_BYTES = 32
FLAGS = (b"\x00", b"\x01")
"""After a vector: whether the model saw the text (or image) whole, or truncated it."""


@dataclass(frozen=True, slots=True)
class Space:
    """Where embeddings can be compared: equal names stand for equal numbers."""

    name: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """One embedding, of shape (dimension,); `truncated` if the model did not see the text whole."""

    vector: Vectors
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class CacheBounds:
    """The largest number of embeddings in a space, and the seconds that an unused space is kept."""

    max_embeddings: int
    ttl_s: int

    @property
    def generation(self) -> int:
        """The largest number of embeddings in each of the two generations; 0: there is no cache."""
        return self.max_embeddings // 2


@dataclass(frozen=True, slots=True)
class CacheEntries:
    """Which embeddings of a result go to the cache, as the script `finish` takes them."""

    where: Mapping[str, Any]
    blobs: tuple[bytes, bytes]


def space_of(model: ModelInfo, dtype: str, *, jpeg_draft: bool = False) -> Space:
    """The space of a model's embeddings, as computed in a precision by this version."""
    content = orjson.dumps([asdict(model), dtype, PREPROCESSING_VERSION, jpeg_draft])
    return Space(hashlib.sha256(content).hexdigest()[:SPACE_CHARS], model.dimension)


def text_key(text: str, templates: Sequence[str] = ()) -> bytes:
    """Of another hash function than images' keys: no bytes of an image come to a text's key.

    The key of a text in several templates is that of no plain text.
    """
    if templates:
        content, person = orjson.dumps((text, *templates)), b"clip prompts"
    else:
        content, person = text.encode("utf-8", "surrogatepass"), b"clip text"
    return hashlib.blake2b(content, digest_size=KEY_BYTES, person=person).digest()


def image_key(content: bytes) -> bytes:
    """The SHA-256 of an image's bytes, as they came."""
    return hashlib.sha256(content).digest()


def key_of(item: Item) -> bytes | None:
    """The key of an item's embedding; None for a URL, whose content is not known yet."""
    match item.kind:
        case "text":
            return text_key(item.value, item.templates)
        case "blob":
            return bytes.fromhex(item.value)
        case "uri":
            return None


class EmbeddingCache:
    """The embeddings in one Redis. An error of Redis is a miss, never an error."""

    def __init__(self, redis: Redis, bounds: CacheBounds) -> None:
        self._bounds = bounds
        self._find = LuaScript(redis, "cache/entries", "cache/find")
        self._store = LuaScript(redis, "cache/entries", "cache/store")

    @property
    def is_on(self) -> bool:
        return self._bounds.generation > 0

    def find(self, space: Space, keys: Sequence[bytes]) -> list[Embedding | None]:
        """The embedding of each key, None for each miss; one round trip, and none for no keys."""
        if not keys or not self.is_on:
            return [None] * len(keys)
        try:
            values = self._find(b"".join(keys), **self._where(space))
        except RedisError as error:
            log.warning("embeddings_not_read", error=type(error).__name__)
            return [None] * len(keys)
        return [None if value is None else _load(value, space.dimension) for value in values]

    def store(self, space: Space, embeddings: Mapping[bytes, Embedding]) -> None:
        """Keep these. A vector that is not finite is not kept."""
        entries: list[bytes] = []
        for key, embedding in embeddings.items():
            if np.isfinite(embedding.vector).all():
                entries += (key, _dump(embedding))
        if not entries or not self.is_on:
            return
        try:
            self._store(*entries, **self._where(space))
        except RedisError as error:
            log.warning("embeddings_not_stored", error=type(error).__name__)

    def entries(
        self, space: Space, result: PartResult, rows: Mapping[bytes, int]
    ) -> CacheEntries | None:
        """What Ledger.finish is told to keep of a result: the `rows` of its embeddings by key.

        A vector that is not finite is not kept.
        """
        vectors = result.vectors
        kept = {key: row for key, row in rows.items() if np.isfinite(vectors[row]).all()}
        if not kept or not self.is_on:
            return None
        truncated = set(result.about.truncated)
        flags = b"".join(FLAGS[row in truncated] for row in kept.values())
        where = {"row_bytes": 4 * space.dimension, "rows": list(kept.values())}
        return CacheEntries(self._where(space) | where, (b"".join(kept), flags))

    def _where(self, space: Space) -> dict[str, Any]:
        return {
            "space": space.name,
            "max_embeddings": self._bounds.generation,
            "ttl_s": self._bounds.ttl_s,
        }


def _dump(embedding: Embedding) -> bytes:
    """Float32, little-endian, and a flag."""
    return embedding.vector.astype("<f4").tobytes() + FLAGS[embedding.truncated]


def _load(value: bytes, dimension: int) -> Embedding | None:
    if len(value) != 4 * dimension + 1:
        log.warning("corrupt_record", reason="an embedding is not of its model's dimension")
        return None
    vector = np.frombuffer(value, dtype="<f4", count=dimension)
    return Embedding(vector, value[-1:] == FLAGS[True])
