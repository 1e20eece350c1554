"""Label sets: candidates that are stored once, and what each model makes of them.

A set has an owner, a name and a version, which is a hash of its content. The current version of a
set never expires; another is kept for as long as jobs may need it, and so is one without a name
(see `common.unnamed_sets`). Whatever is read back is checked, because anybody may have written it
who can write to Redis.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Final, Literal, TypeAlias, cast

import orjson
import structlog
from pydantic import Field, TypeAdapter
from redis import Redis
from redis.client import Pipeline

from common.jobs import load_script
from common.protocol import (
    DIGEST,
    MAX_TEXT_CHARS,
    MAX_URL_CHARS,
    Broken,
    Count,
    ItemKind,
    ModelInfo,
    PartResult,
    dump_result,
    load_json,
    load_result,
)
from common.records import EpochTime

log = structlog.get_logger()

# It stands in a path, where "." and ".." mean something else.
NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
NAME_IN_FULL = re.compile(NAME.rstrip("$") + r"\Z")
VERSION_CHARS = 16
DIGEST_CHARS = 64
# What no caller can name a set.
UNNAMED: Final = "."

Name: TypeAlias = Annotated[str, Field(pattern=NAME)]
Version: TypeAlias = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{VERSION_CHARS}}}$")]
Digest: TypeAlias = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{DIGEST_CHARS}}}$")]
Put: TypeAlias = Literal["created", "changed", "same", "full"]
Value: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


@dataclass(frozen=True, slots=True)
class LabelSetVersion:
    """One version of a set, as jobs remember it; without a name, it has a digest for a version."""

    name: Name | Literal["."]
    version: Version | Digest

    @property
    def is_named(self) -> bool:
        return self.name != UNNAMED


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A set as it stands in a list: `count` candidates; `created` is an epoch time."""

    name: str
    version: str
    count: int
    created: float

    @property
    def of(self) -> LabelSetVersion:
        return LabelSetVersion(self.name, self.version)


@dataclass(frozen=True, slots=True)
class LabelContent:
    """What a set is made of.

    `items` are distinct. `candidates` are indices into them: as many for each candidate, side by
    side, as there are `templates`.
    """

    items: Annotated[list[tuple[ItemKind, Value]], Field(min_length=1)]
    candidates: Annotated[list[Count], Field(min_length=1)]
    templates: Annotated[int, Field(ge=1)]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.as_json()).hexdigest()

    @property
    def version(self) -> str:
        return self.digest[:VERSION_CHARS]

    @property
    def count(self) -> int:
        return len(self.candidates) // self.templates

    @property
    def names(self) -> list[str | None]:
        """What to call each candidate: its text, in the first of its templates, or its URL.

        None for a picture that came as bytes.
        """
        firsts = (self.items[place] for place in self.candidates[:: self.templates])
        return [None if kind == "blob" else value for kind, value in firsts]

    def as_json(self) -> bytes:
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Labels:
    """Content with its pictures, by SHA-256."""

    content: LabelContent
    blobs: Mapping[str, bytes]


# What the list of an owner's sets has under each name; the scripts read the version.
SUMMARY: TypeAdapter[tuple[Version, Count, EpochTime]] = TypeAdapter(
    tuple[Version, Count, EpochTime]
)
CONTENT = TypeAdapter(LabelContent)
MODEL = TypeAdapter(ModelInfo)


class LabelSetStore:
    """The label sets in one Redis.

    An owner has `most` at most; what is retired is kept for `grace_s`. Every method raises
    redis.exceptions.RedisError when Redis is away.
    """

    def __init__(self, redis: Redis, *, most: int, grace_s: int) -> None:
        self._redis = redis
        self._most = most
        self._grace_s = grace_s
        self._put = load_script(redis, "labels", "label_put")
        self._drop = load_script(redis, "labels", "label_drop")
        self._add = load_script(redis, "labels", "label_add")

    def current(self, owner: str, name: str) -> LabelSet | None:
        """The set of this name as it is now; None when there is none."""
        raw = cast("bytes | None", self._redis.hget(_sets_key(owner), name))
        return None if raw is None else _label_set(name, raw)

    def listed(self, owner: str) -> list[LabelSet]:
        """All sets of an owner, by name."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(_sets_key(owner)))
        read = (_label_set(name.decode(errors="replace"), raw) for name, raw in rows.items())
        return sorted((each for each in read if each), key=lambda each: each.name)

    def is_full(self, owner: str) -> bool:
        return self._redis.hlen(_sets_key(owner)) >= self._most

    def holds(self, owner: str, of: LabelSetVersion) -> bool:
        """Whether a version's content is there."""
        return bool(self._redis.exists(_content_key(owner, of)))

    def put(self, owner: str, label_set: LabelSet, labels: Labels, result: PartResult) -> Put:
        """Store a version with its embeddings, and make it the current one.

        All at once or not at all; "full" when the owner would have too many sets.
        """
        of = label_set.of
        summary = orjson.dumps([label_set.version, label_set.count, label_set.created])
        fields = {b"content": labels.content.as_json(), **_named(labels.blobs)}
        with self._redis.pipeline(transaction=True) as transaction:
            transaction.hset(_content_key(owner, of), mapping=fields)  # type: ignore[arg-type]
            self.add(owner, of, result, transaction)
            self._put(
                args=[owner, of.name, of.version, summary, self._most, self._grace_s],
                client=transaction,
            )
            outcome: bytes = transaction.execute()[-1]
        return outcome.decode()  # type: ignore[return-value]

    def drop(self, owner: str, name: str) -> bool:
        """Forget a set; False when there is none."""
        return bool(self._drop(args=[owner, name, self._grace_s]))

    def add(
        self, owner: str, of: LabelSetVersion, result: PartResult, pipeline: Pipeline | None = None
    ) -> None:
        """Store one embedding for each candidate, unless they are there already."""
        model = result.about.model
        fields = [piece for pair in dump_result(result).items() for piece in pair]
        told: list[str | bytes] = [
            owner,
            of.name,
            of.version,
            _digest(model),
            orjson.dumps(asdict(model)),
        ]
        self._add(args=[*told, self._grace_s, *fields], client=pipeline)

    def has_embeddings(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> bool:
        """Whether embeddings by just this model are stored."""
        digest = _digest(model)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(_models_key(owner, of), digest)
            pipeline.exists(_vectors_key(owner, of, digest))
            return all(pipeline.execute())

    def embeddings(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> PartResult | None:
        """The candidates' embeddings by just this model, one row for each candidate; or None.

        Those that are broken are dropped, so that others can take their place.
        """
        key = _vectors_key(owner, of, _digest(model))
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(key))
        if not fields:
            return None
        try:
            return _embeddings(fields, model)
        except Broken as error:
            log.warning("label_set_refused", label_set=of.name, reason=str(error))
            self._redis.unlink(key)
            return None

    def labels(self, owner: str, of: LabelSetVersion) -> Labels | None:
        """What a version is made of; None when it is gone."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(_content_key(owner, of)))
        content = _content(fields.pop(b"content", None), of)
        blobs = {name.decode(errors="replace"): raw for name, raw in fields.items()}
        return None if content is None else Labels(content, blobs)

    def content(self, owner: str, of: LabelSetVersion) -> LabelContent | None:
        """The same without its pictures."""
        raw = cast("bytes | None", self._redis.hget(_content_key(owner, of), "content"))
        return _content(raw, of)

    def models(self, owner: str, of: LabelSetVersion) -> list[ModelInfo]:
        """The models whose embeddings of this version are stored, by name."""
        rows = cast("list[bytes]", self._redis.hvals(_models_key(owner, of)))
        found = []
        for raw in rows:
            try:
                found.append(load_json(MODEL, raw))
            except Broken as error:
                log.warning("label_set_refused", label_set=of.name, reason=str(error))
        return sorted(found, key=lambda model: model.name)


def _sets_key(owner: str) -> str:
    return f"clip:label-sets:{owner}"


def _content_key(owner: str, of: LabelSetVersion) -> str:
    return f"clip:label-content:{owner}:{of.name}:{of.version}"


def _models_key(owner: str, of: LabelSetVersion) -> str:
    return f"clip:label-models:{owner}:{of.name}:{of.version}"


def _vectors_key(owner: str, of: LabelSetVersion, model: str) -> str:
    return f"clip:label-vectors:{owner}:{of.name}:{of.version}:{model}"


def _digest(model: ModelInfo) -> str:
    """Equal for equal models."""
    whole = hashlib.sha256(orjson.dumps(asdict(model))).hexdigest()[:VERSION_CHARS]
    return f"{digest_of_name(model.name)}-{whole}"


def digest_of_name(model: str) -> str:
    """What the digests of all revisions of a model begin with."""
    return hashlib.sha256(model.encode()).hexdigest()[:VERSION_CHARS]


def _named(blobs: Mapping[str, bytes]) -> dict[bytes, bytes]:
    return {digest.encode(): content for digest, content in blobs.items()}


def _label_set(name: str, raw: bytes) -> LabelSet | None:
    try:
        summary = load_json(SUMMARY, raw)
    except Broken as error:
        log.warning("label_set_refused", label_set=name, reason=str(error))
        return None
    return LabelSet(name, *summary)


def _embeddings(fields: dict[bytes, bytes], model: ModelInfo) -> PartResult:
    result = load_result(fields)
    if result.about.model != model or not len(result.vectors):
        raise Broken("the embeddings are not those of the model")
    return result


def _content(raw: bytes | None, of: LabelSetVersion) -> LabelContent | None:
    try:
        return None if raw is None else _checked_content(raw, of.version)
    except Broken as error:
        log.warning("label_set_refused", label_set=of.name, reason=str(error))
        return None


def _checked_content(raw: bytes, version: str) -> LabelContent:
    content = load_json(CONTENT, raw)
    if not content.digest.startswith(version):
        raise Broken("it is not what its version is the hash of")
    if max(content.candidates) >= len(content.items) or len(content.candidates) % content.templates:
        raise Broken("candidates: name an item that is none")
    for kind, value in content.items:
        if kind == "uri" and len(value) > MAX_URL_CHARS:
            raise Broken(f"a URL is longer than {MAX_URL_CHARS} characters")
        if kind == "blob" and not DIGEST.fullmatch(value):
            raise Broken("a picture's name is no SHA-256")
    return content
