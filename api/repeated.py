"""Lists of candidates that come again: each becomes a label set without a name.

Callers mostly rank by the same labels. A list of many texts that came once leaves a digest in this
process. When it comes a second time its content is stored, and its embeddings with it once the
answer is made. From then on only the queries are encoded. The answers are the same either way.
"""

import hashlib
from dataclasses import dataclass
from threading import Lock
from typing import Any

import orjson
import structlog
from cachetools import LRUCache
from redis.exceptions import ResponseError

from api.items import DistinctItems
from api.label_sets import content_of
from common.label_sets import LabelSetVersion
from common.unnamed_sets import UnnamedSets

log = structlog.get_logger()

FEWEST_TEXTS = 16
REMEMBERED_LISTS = 4096


@dataclass(frozen=True, slots=True)
class Sighting:
    """A list that may come again, by the digest of its owner, texts and templates.

    It is `kept` as that version, where the embeddings that the request needs are there.
    """

    digest: bytes
    kept: LabelSetVersion | None = None


class RepeatedLists:
    """The lists that came to this process, the least recent forgotten first.

    Its methods raise RedisError when Redis is away. What Redis refuses is not kept, and no more.
    """

    def __init__(self, store: UnnamedSets) -> None:
        self._store = store
        self._seen: LRUCache[bytes, LabelSetVersion | None] = LRUCache(REMEMBERED_LISTS)
        self._lock = Lock()

    def sight(self, owner: str, body: object, model: str) -> Sighting | None:
        """Look at a request, valid or not, for this `model` where it names none in its body.

        None where its candidates are too few, or other things than texts.
        """
        if self._store.most == 0 or not isinstance(body, dict):
            return None
        digest = _digest(owner, body)
        if digest is None:
            return None
        with self._lock:
            known = self._seen.get(digest)
        named = body.get("model")
        model = named if isinstance(named, str) else model
        try:
            is_there = known is not None and self._store.use(owner, known, model)
        except ResponseError as error:
            log.warning("candidates_not_kept", reason=str(error))
            is_there = False
        return Sighting(digest, known if is_there else None)

    def learn(self, owner: str, sighting: Sighting, work: DistinctItems) -> LabelSetVersion | None:
        """Note that a request has valid candidates, those of `work`.

        Returns the version that they shall be kept as; None when they came but once.
        """
        with self._lock:
            if sighting.digest not in self._seen:
                self._seen[sighting.digest] = None
                return None
        try:
            version = self._store.keep(owner, content_of(work))
        except ResponseError as error:
            log.warning("candidates_not_kept", reason=str(error))
            return None
        with self._lock:
            self._seen[sighting.digest] = version
        return version


def shortened(body: Any) -> Any:  # noqa: ANN401
    """A request with one of its candidates, where all are known to be valid."""
    return {**body, "candidates": body["candidates"][:1]}


def _digest(owner: str, body: dict[str, Any]) -> bytes | None:
    candidates, templates = body.get("candidates"), body.get("templates")
    each = len(templates) if isinstance(templates, list) else 1
    if not isinstance(candidates, list) or len(candidates) * each < FEWEST_TEXTS:
        return None
    try:
        texts = [candidate["text"] for candidate in candidates if len(candidate) == 1]
        told = orjson.dumps([owner, texts, body.get("template"), templates])
    except (TypeError, KeyError):  # nothing that is valid
        return None
    return hashlib.sha256(told).digest() if len(texts) == len(candidates) else None
