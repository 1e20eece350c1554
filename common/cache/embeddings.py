"""The shared embedding cache: an embedding that one worker computed serves all of them.

The key of an embedding is its *space* and its content, never a URL. A space is everything that
determines the numbers: model, revision, precision, preprocessing. It has two generations, one Redis
hash each. New embeddings go into the new one; when that holds half of the maximum, it replaces the
old one. So the number of embeddings is bounded under every eviction policy, and recently used ones
stay.

The cache is shared between API keys. A lookup needs the exact content; a client can only learn,
from the time an answer takes, that the same content was encoded before. A worker's memory of texts
reveals as much. The answer is the same either way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Any

import numpy as np
import orjson
import structlog
from redis import Redis
from redis.exceptions import RedisError

from common.protocol.messages import Alpha, Item, ModelInfo, PartResult, Vectors
from common.redis.keys import KEYS, Keys
from common.redis.scripts import LuaScript

log = structlog.get_logger()

PREPROCESSING_VERSION = 4
"""Raise it whenever the embeddings of a model, or their entries, change for the same content."""
SPACE_CHARS = 16
KEY_BYTES = 32
TRUNCATED, TRANSPARENT = 1, 2
"""Bits of the byte after a vector."""
TRAILER = Struct("<BI")
"""The trailer of an entry: those bits, and the number of tokens."""


@dataclass(frozen=True, slots=True)
class Space:
    """Where embeddings are comparable: equal names mean equal numbers, in int8 nearly."""

    name: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """One embedding, of shape (dimension,).

    It is `truncated` if the model truncated the text, `transparent` if the image is not opaque.
    `tokens` is the number of tokens of the text.
    """

    vector: Vectors
    truncated: bool = False
    transparent: bool = False
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class CacheBounds:
    """The maximum number of embeddings in a space, and the lifetime of an unused space."""

    max_embeddings: int
    ttl_s: int

    @property
    def generation(self) -> int:
        """The maximum number of embeddings in each of the two generations; 0: no cache."""
        return self.max_embeddings // 2


@dataclass(frozen=True, slots=True)
class CacheEntries:
    """The embeddings of a result that go to the cache, in the form that `finish.lua` takes."""

    where: Mapping[str, Any]
    blobs: tuple[bytes, bytes]


def space_of(
    model: ModelInfo, dtype: str, *, jpeg_draft: bool = False, exif_orientation: bool = True
) -> Space:
    """The space of a model's embeddings, computed in this precision by this release."""
    content = orjson.dumps(
        [asdict(model), dtype, PREPROCESSING_VERSION, jpeg_draft, exif_orientation]
    )
    return Space(hashlib.sha256(content).hexdigest()[:SPACE_CHARS], model.dimension)


def text_key(text: str, templates: Sequence[str] = ()) -> bytes:
    """The key of a text. It uses another hash function than images, so that the two never collide.

    A text in several templates never has the key of a plain text.
    """
    if templates:
        content, person = orjson.dumps((text, *templates)), b"clip prompts"
    else:
        content, person = text.encode("utf-8", "surrogatepass"), b"clip text"
    return hashlib.blake2b(content, digest_size=KEY_BYTES, person=person).digest()


def image_key(content: bytes, alpha: Alpha = "drop") -> bytes:
    """The SHA-256 of an image's bytes as received; with a background, that of both."""
    return _key_of_digest(hashlib.sha256(content).digest(), alpha)


def _key_of_digest(digest: bytes, alpha: Alpha) -> bytes:
    return digest if alpha == "drop" else hashlib.sha256(digest + alpha.encode()).digest()


def key_of(item: Item) -> bytes | None:
    """The key of an item's embedding; None for a URL, whose content is not known yet."""
    match item.kind:
        case "text":
            return text_key(item.value, item.templates)
        case "blob":
            return _key_of_digest(bytes.fromhex(item.value), item.alpha)
        case "uri":
            return None


class EmbeddingCache:
    """The embeddings in one Redis. An error of Redis counts as a miss."""

    def __init__(self, redis: Redis, bounds: CacheBounds, keys: Keys = KEYS) -> None:
        self._bounds = bounds
        self._find = LuaScript(redis, "cache/entries", "cache/find", keys=keys)
        self._store = LuaScript(redis, "cache/entries", "cache/store", keys=keys)

    @property
    def is_on(self) -> bool:
        return self._bounds.generation > 0

    def find(self, space: Space, keys: Sequence[bytes]) -> list[Embedding | None]:
        """The embedding of each key, None for each miss; one round trip, none without keys."""
        if not keys or not self.is_on:
            return [None] * len(keys)
        try:
            values = self._find(b"".join(keys), **self._where(space))
        except RedisError as error:
            log.warning("embeddings_not_read", error=type(error).__name__)
            return [None] * len(keys)
        return [None if value is None else _load(value, space.dimension) for value in values]

    def store(self, space: Space, embeddings: Mapping[bytes, Embedding]) -> None:
        """Store embeddings. Vectors that are not finite are skipped."""
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
        """The entries that Ledger.finish stores; `rows` are the rows of a result by cache key.

        Vectors that are not finite are skipped.
        """
        vectors = result.vectors
        kept = {key: row for key, row in rows.items() if np.isfinite(vectors[row]).all()}
        if not kept or not self.is_on:
            return None
        truncated, transparent = set(result.about.truncated), set(result.about.transparent)
        tokens = result.about.tokens or (0,) * len(vectors)
        trailers = b"".join(
            _trailer(row in truncated, row in transparent, tokens[row]) for row in kept.values()
        )
        where = {
            "row_bytes": 4 * space.dimension,
            "trailer_bytes": TRAILER.size,
            "rows": list(kept.values()),
        }
        return CacheEntries(self._where(space) | where, (b"".join(kept), trailers))

    def _where(self, space: Space) -> dict[str, Any]:
        return {
            "space": space.name,
            "max_embeddings": self._bounds.generation,
            "ttl_s": self._bounds.ttl_s,
        }


def _dump(embedding: Embedding) -> bytes:
    """Little-endian float32, then the trailer."""
    trailer = _trailer(embedding.truncated, embedding.transparent, embedding.tokens)
    return embedding.vector.astype("<f4").tobytes() + trailer


def _trailer(truncated: bool, transparent: bool, tokens: int) -> bytes:
    return TRAILER.pack(TRUNCATED * truncated | TRANSPARENT * transparent, tokens)


def _load(value: bytes, dimension: int) -> Embedding | None:
    if len(value) != 4 * dimension + TRAILER.size:
        log.warning("corrupt_record", reason="the embedding does not have the model's dimension")
        return None
    vector = np.frombuffer(value, dtype="<f4", count=dimension)
    flags, tokens = TRAILER.unpack_from(value, 4 * dimension)
    return Embedding(vector, bool(flags & TRUNCATED), bool(flags & TRANSPARENT), tokens)
