"""Requests that the embedding cache answers completely: without a job, a queue or a worker."""

from collections.abc import Mapping, Sequence

import numpy as np

from api.dispatch.models import ResolvedModel
from api.request.request import Request
from common.cache.embeddings import Embedding, EmbeddingCache, Space, key_of
from common.ledger.records import JobRecord
from common.protocol.messages import Item, ModelInfo, PartAbout, PartResult, Priority

MAX_ITEMS = 1024
"""Redis looks up this many in a few milliseconds, during which other clients wait."""


class CachedAnswers:
    """Looks up what a request needs in the embedding cache."""

    def __init__(self, cache: EmbeddingCache) -> None:
        self._cache = cache

    def find(self, request: Request, model: ResolvedModel) -> tuple[JobRecord, PartResult] | None:
        """A job as if it were done, and the result of its one part; None unless all is cached.

        Asynchronous requests, and those with an idempotency key, need a real job.
        """
        items = request.spec.items
        if (
            model.served is None
            or request.priority is not Priority.INTERACTIVE
            or request.idempotency
            or not self._cache.is_on
            or not 0 < len(items) <= MAX_ITEMS
        ):
            return None
        info, space = model.served
        found = self._lookup(space, items)
        if len(found) < len(items):
            return None
        return _record(request, model.name), _result(info, found)

    def _lookup(self, space: Space, items: Sequence[Item]) -> Mapping[int, Embedding]:
        """Embeddings by index. Images first: they are new more often than the texts."""
        keys = {index: key for index, item in enumerate(items) if (key := key_of(item))}
        if len(keys) < len(items):  # the content of a URL is not known yet
            return {}
        found: dict[int, Embedding] = {}
        for is_text in (False, True):
            wanted = [index for index in keys if (items[index].kind == "text") is is_text]
            embeddings = self._cache.find(space, [keys[index] for index in wanted])
            found |= {i: each for i, each in zip(wanted, embeddings, strict=True) if each}
            if None in embeddings:
                break
        return found


def _record(request: Request, model: str) -> JobRecord:
    spec = request.spec
    return JobRecord(
        id="",
        owner=request.owner,
        kind=request.kind,
        state="done",
        parts=1,
        request=spec.record([spec.items], model),
        error="",
        done=sum(item.queries for item in spec.items),
        failed=0,
        created=0.0,
        started=None,
        finished=None,
    )


def _result(model: ModelInfo, found: Mapping[int, Embedding]) -> PartResult:
    rows = [found[index] for index in range(len(found))]
    truncated = tuple(index for index, row in enumerate(rows) if row.truncated)
    vectors = np.stack([row.vector for row in rows])
    transparent = tuple(index for index, row in enumerate(rows) if row.transparent)
    about = PartAbout(
        model,
        truncated=truncated,
        transparent=transparent,
        tokens=tuple(row.tokens for row in rows),
    )
    return PartResult(vectors, about)
