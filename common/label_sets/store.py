"""Label sets: candidates that are stored once, with their embeddings by each model.

A set has an owner, a name and a version, which is a hash of its content. The current version never
expires; an older one is kept while jobs may need it, if there is room.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypeVar, cast

import orjson
import structlog
from pydantic import TypeAdapter
from redis import Redis
from redis.client import Pipeline

from common.cache.embeddings import PREPROCESSING_VERSION
from common.label_sets.label_content import VERSION_CHARS, LabelContent, Labels, LabelSet
from common.ledger.records import EpochTime, LabelSetVersion
from common.protocol.messages import ModelInfo, PartResult
from common.protocol.records import CorruptRecord, dump_result, load_json, load_result
from common.redis.keys import KEYS, Keys
from common.redis.scripts import LuaScript

log = structlog.get_logger()

# A name is part of a URL path, where "." and ".." have a special meaning.
NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
NAME_IN_FULL = re.compile(NAME.rstrip("$") + r"\Z")

Put: TypeAlias = Literal["created", "changed", "same", "full", "too_large"]
Parsed = TypeVar("Parsed")


# The value of a set in its owner's hash of sets: version, count, creation time.
SUMMARY: TypeAdapter[tuple[str, int, EpochTime]] = TypeAdapter(tuple[str, int, EpochTime])
CONTENT = TypeAdapter(LabelContent)
MODEL = TypeAdapter(ModelInfo)


class LabelSetStore:
    """The label sets in one Redis.

    An owner has at most `max_sets` sets, which take at most `max_bytes` together with their older
    versions. Every method may raise redis.exceptions.RedisError.
    """

    def __init__(self, redis: Redis, keys: Keys = KEYS, *, max_sets: int, max_bytes: int) -> None:
        self._redis = redis
        self._keys = keys
        self._max_sets = max_sets
        self._max_bytes = max_bytes
        self._use = LuaScript(redis, "label_sets/labels", "label_sets/use", keys=keys)
        self._put = LuaScript(redis, "label_sets/labels", "label_sets/put", keys=keys)
        self._drop = LuaScript(redis, "label_sets/labels", "label_sets/drop", keys=keys)
        self._add = LuaScript(redis, "label_sets/labels", "label_sets/add", keys=keys)

    def current(self, owner: str, name: str) -> LabelSet | None:
        """The current version of a set; None if there is no such set."""
        raw = cast("bytes | None", self._redis.hget(self._sets_key(owner), name))
        return None if raw is None else _label_set(name, raw)

    def use(self, owner: str, name: str, seconds: int) -> LabelSet | None:
        """The current version of a set, reserved for a job that may need it for `seconds`."""
        raw = cast("bytes | None", self._use(owner=owner, name=name, seconds=seconds))
        return None if raw is None else _label_set(name, raw)

    def listed(self, owner: str) -> list[LabelSet]:
        """All sets of an owner, by name."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self._sets_key(owner)))
        read = (_label_set(name.decode(), raw) for name, raw in rows.items())
        return sorted((each for each in read if each), key=lambda each: each.name)

    def is_full(self, owner: str) -> bool:
        return self._redis.hlen(self._sets_key(owner)) >= self._max_sets

    def holds(self, owner: str, of: LabelSetVersion) -> bool:
        """Whether the content of a version is stored."""
        return bool(self._redis.exists(self._content_key(owner, of)))

    def put(self, owner: str, label_set: LabelSet, labels: Labels, result: PartResult) -> Put:
        """Store a version with its embeddings, and make it the current one.

        Atomic. "full" if the owner would have too many sets, "too_large" if they would take too
        many bytes.
        """
        of = label_set.of
        summary = orjson.dumps([label_set.version, label_set.count, label_set.created])
        fields = {b"content": labels.content.as_json(), **_named(labels.blobs)}
        with self._redis.pipeline(transaction=True) as transaction:
            transaction.hset(self._content_key(owner, of), mapping=fields)  # type: ignore[arg-type]
            self._put(
                summary,
                pipeline=transaction,
                owner=owner,
                name=of.name,
                version=of.version,
                bytes=_size(fields),
                vectors_bytes=_size(dump_result(result)),
                max_sets=self._max_sets,
                max_bytes=self._max_bytes,
            )
            self.add(owner, of, result, transaction)
            outcome: bytes = transaction.execute()[1]
        return outcome.decode()  # type: ignore[return-value]

    def drop(self, owner: str, name: str) -> bool:
        """Delete a set; False if there is none."""
        return bool(self._drop(owner=owner, name=name))

    def add(
        self, owner: str, of: LabelSetVersion, result: PartResult, pipeline: Pipeline | None = None
    ) -> None:
        """Store an embedding for each candidate, unless they are stored already or do not fit."""
        model, dumped = result.about.model, dump_result(result)
        fields = [piece for pair in dumped.items() for piece in pair]
        self._add(
            orjson.dumps(model),
            *(piece if isinstance(piece, bytes) else piece.encode() for piece in fields),
            pipeline=pipeline,
            owner=owner,
            name=of.name,
            version=of.version,
            model=_digest(model),
            bytes=_size(dumped),
            max_bytes=self._max_bytes,
        )

    def has_embeddings(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> bool:
        """Whether embeddings by exactly this model are stored."""
        digest = _digest(model)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(self._models_key(owner, of), digest)
            pipeline.exists(self._vectors_key(owner, of, digest))
            return all(pipeline.execute())

    def embeddings(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> PartResult | None:
        """The embeddings by exactly this model, one row per candidate; None if not stored."""
        key = self._vectors_key(owner, of, _digest(model))
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(key))
        return _parsed(of, lambda: load_result(fields)) if fields else None

    def labels(self, owner: str, of: LabelSetVersion) -> Labels | None:
        """The content of a version with its images; None if it is gone."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(self._content_key(owner, of)))
        content = _content(fields.pop(b"content", None), of)
        blobs = {name.decode(): raw for name, raw in fields.items()}
        return None if content is None else Labels(content, blobs)

    def content(self, owner: str, of: LabelSetVersion) -> LabelContent | None:
        """The content of a version without its images; None if it is gone."""
        raw = cast("bytes | None", self._redis.hget(self._content_key(owner, of), "content"))
        return _content(raw, of)

    def models(self, owner: str, of: LabelSetVersion) -> list[ModelInfo]:
        """The models whose embeddings of this version are stored, by name."""
        rows = cast("list[bytes]", self._redis.hvals(self._models_key(owner, of)))
        found = (_parsed(of, lambda raw=raw: load_json(MODEL, raw)) for raw in rows)  # type: ignore[misc]
        return sorted(filter(None, found), key=lambda model: model.name)

    def _sets_key(self, owner: str) -> str:
        return self._keys("label-sets", owner)

    def _content_key(self, owner: str, of: LabelSetVersion) -> str:
        return self._keys("label-content", owner, of.name, of.version)

    def _models_key(self, owner: str, of: LabelSetVersion) -> str:
        return self._keys("label-models", owner, of.name, of.version)

    def _vectors_key(self, owner: str, of: LabelSetVersion, model: str) -> str:
        return self._keys("label-vectors", owner, of.name, of.version, model)


def _digest(model: ModelInfo) -> str:
    """A digest of a model; all revisions of a model share its first half."""
    name = hashlib.sha256(model.name.encode()).hexdigest()[:VERSION_CHARS]
    content = orjson.dumps([model, PREPROCESSING_VERSION])
    return f"{name}-{hashlib.sha256(content).hexdigest()[:VERSION_CHARS]}"


def _named(blobs: Mapping[str, bytes]) -> dict[bytes, bytes]:
    return {digest.encode(): content for digest, content in blobs.items()}


def _size(fields: Mapping[bytes, bytes] | Mapping[str, str | bytes]) -> int:
    return sum(len(name) + len(value) for name, value in fields.items())


def _label_set(name: str, raw: bytes) -> LabelSet | None:
    of = LabelSetVersion(name, "")
    summary = _parsed(of, lambda: load_json(SUMMARY, raw))
    return LabelSet(name, *summary) if summary else None


def _content(raw: bytes | None, of: LabelSetVersion) -> LabelContent | None:
    return None if raw is None else _parsed(of, lambda: _load_content(raw))


def _load_content(raw: bytes) -> LabelContent:
    content = load_json(CONTENT, raw)
    if not all(0 <= place < len(content.items) for place in content.candidates):
        raise CorruptRecord("a candidate is missing")
    return content


def _parsed(of: LabelSetVersion, load: Callable[[], Parsed]) -> Parsed | None:
    """A record; None, with a log line, if it does not parse."""
    try:
        return load()
    except CorruptRecord as error:
        log.warning("corrupt_record", label_set=of.name, reason=str(error))
        return None
