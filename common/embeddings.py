"""The shared cache of embeddings: what any worker computed, no other need compute again.

An embedding is found by its *space* and the content it was made of, never by a URL. A space is all
that decides the numbers. It has two generations, each one hash in Redis: what is stored goes into
the new one; when that holds half of what is allowed, the old one goes and the new one takes its
place. So the number of embeddings is bounded whatever the server does when its memory is full, and
what was used of late stays.

The cache is shared between API keys. Nobody can ask for what he does not have himself, byte by
byte; all he learns is that somebody had the same encoded before, from how quick the answer is. A
worker's memory of texts tells as much. What an answer says is the same either way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import orjson
import structlog
from redis import Redis
from redis.exceptions import RedisError

from common.jobs import load_script
from common.protocol import Broken, Item, ModelInfo, PartResult, Vectors

log = structlog.get_logger()

PREPROCESSING_VERSION = 1
"""To be raised whenever the same content comes to other embeddings of the same model."""
SPACE_CHARS = 16
KEY_BYTES = 32
FLAGS = (b"\x00", b"\x01")
"""What stands behind a vector: whether the model saw the text (or picture) whole, or not."""


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
    """How many embeddings a space holds at most, and the seconds for which an unused one stays."""

    most: int
    ttl_s: int

    @property
    def generation(self) -> int:
        """How many embeddings each of the two generations holds at most; 0: there is no cache."""
        return self.most // 2


def space_of(model: ModelInfo, dtype: str, *, jpeg_draft: bool = False) -> Space:
    """The space of a model's embeddings, as computed in a precision by this version."""
    told = orjson.dumps([asdict(model), dtype, PREPROCESSING_VERSION, jpeg_draft])
    return Space(hashlib.sha256(told).hexdigest()[:SPACE_CHARS], model.dimension)


def text_key(text: str) -> bytes:
    """Of another hash function than pictures' keys: no bytes of a picture come to a text's key."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=KEY_BYTES, person=b"clip text").digest()


def picture_key(content: bytes) -> bytes:
    """The SHA-256 of a picture's bytes, as they came."""
    return hashlib.sha256(content).digest()


def key_of(item: Item) -> bytes | None:
    """Under what an item's embedding is kept; None for a URL, whose content is not known yet."""
    match item.kind:
        case "text":
            return text_key(item.value)
        case "blob":
            return bytes.fromhex(item.value)
        case "uri":
            return None


class EmbeddingCache:
    """The embeddings in one Redis. Trouble with Redis is a miss, and never an error."""

    def __init__(self, redis: Redis, bounds: CacheBounds) -> None:
        self._bounds = bounds
        self._find = load_script(redis, "embeddings", "embeddings_find")
        self._store = load_script(redis, "embeddings", "embeddings_store")

    @property
    def is_on(self) -> bool:
        return self._bounds.generation > 0

    def find(self, space: Space, keys: Sequence[bytes]) -> list[Embedding | None]:
        """What is known of each, in their order; one round trip, and none where none is needed."""
        if not keys or not self.is_on:
            return [None] * len(keys)
        try:
            values = self._find(args=[*self._where(space), b"".join(keys)])
        except RedisError as error:
            log.warning("embeddings_not_read", error=type(error).__name__)
            return [None] * len(keys)
        return [None if value is None else _checked(value, space.dimension) for value in values]

    def store(self, space: Space, embeddings: Mapping[bytes, Embedding]) -> None:
        """Keep these. A vector that is not finite is not kept."""
        entries: list[bytes] = []
        for key, embedding in embeddings.items():
            if np.isfinite(embedding.vector).all():
                entries += (key, dump_embedding(embedding))
        if not entries or not self.is_on:
            return
        try:
            self._store(args=[*self._where(space), *entries])
        except RedisError as error:
            log.warning("embeddings_not_stored", error=type(error).__name__)

    def entries(
        self, space: Space, result: PartResult, places: Mapping[bytes, int]
    ) -> tuple[str | int | bytes, ...]:
        """What has some embeddings of a result kept as it is stored: see Ledger.finish.

        The `places` of the embeddings are by their keys. A vector that is not finite is not kept.
        """
        vectors = result.vectors
        kept = {key: at for key, at in places.items() if np.isfinite(vectors[at]).all()}
        if not kept or not self.is_on:
            return ()
        truncated = set(result.about.truncated)
        flags = b"".join(FLAGS[place in truncated] for place in kept.values())
        keys, rows = b"".join(kept), " ".join(map(str, kept.values()))
        return (*self._where(space), 4 * space.dimension, keys, flags, rows)

    def _where(self, space: Space) -> tuple[str, int, int]:
        return space.name, self._bounds.generation, self._bounds.ttl_s


def dump_embedding(embedding: Embedding) -> bytes:
    """Float32, little-endian, and a flag."""
    return embedding.vector.astype("<f4").tobytes() + FLAGS[embedding.truncated]


def load_embedding(value: bytes, dimension: int) -> Embedding:
    """Raises Broken for what `dump_embedding` does not make of a vector of this dimension."""
    if len(value) != 4 * dimension + 1 or value[-1:] not in FLAGS:
        raise Broken("an embedding has another form")
    vector = np.frombuffer(value, dtype="<f4", count=dimension)
    if not np.isfinite(vector).all():
        raise Broken("an embedding is not finite")
    return Embedding(vector, value[-1:] == FLAGS[True])


def _checked(value: bytes, dimension: int) -> Embedding | None:
    try:
        return load_embedding(value, dimension)
    except Broken as error:
        log.warning("embedding_refused", reason=str(error))
        return None
