"""Jobs that are done as they are made, without queue or worker: all they need is in the cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from common.embeddings import FLAGS, CacheBounds, Space, key_of
from common.protocol import Broken, Item, ModelInfo, PartAbout, PartResult, dump_about
from common.records import JobRecord, NewJob

NO_TRUNCATED = b'"truncated":['


@dataclass(frozen=True, slots=True)
class Recalled:
    """A job that is done, and the result of its one part."""

    record: JobRecord
    result: PartResult


@dataclass(frozen=True, slots=True)
class Question:
    """What the cache is asked before a job is made: for the embeddings of all its items.

    None of them is a URL. The `request` is what there is to remember of the job's, as one part.
    """

    items: Sequence[Item]
    request: Mapping[str, Any]
    model: ModelInfo
    space: Space
    bounds: CacheBounds

    def arguments(self) -> tuple[str | int | bytes, ...]:
        """See Ledger.create."""
        keys = b"".join(key_of(item) or b"" for item in self.items)
        before, opening, after = dump_about(PartAbout(self.model)).partition(NO_TRUNCATED)
        return (
            *(self.space.name, self.bounds.generation, self.bounds.ttl_s, keys),
            *(4 * self.space.dimension + 1, orjson.dumps(self.request), self._queries),
            *(before + opening, after),
        )

    def answer(self, job: NewJob, found: Sequence[bytes]) -> Recalled:
        """What there is of a job that was made of what was `found`.

        Raises:
            Broken: somebody else wrote into the cache.
        """
        made, vectors, flags = found
        return Recalled(self._record(job, float(made)), _result(vectors, flags, self.model))

    @property
    def _queries(self) -> int:
        return sum(item.queries for item in self.items)

    def _record(self, job: NewJob, at: float) -> JobRecord:
        return JobRecord(
            id=job.id,
            owner=job.owner,
            kind=job.kind,
            state="done",
            parts=1,
            request=dict(self.request),
            error="",
            done=self._queries,
            failed=0,
            created=at,
            started=at,
            finished=at,
        )


def _result(raw: bytes, flags: bytes, model: ModelInfo) -> PartResult:
    vectors = np.frombuffer(raw, dtype="<f4").reshape(-1, model.dimension)
    if not np.isfinite(vectors).all():
        raise Broken("an embedding is not finite")
    if not set(flags) <= {flag[0] for flag in FLAGS}:
        raise Broken("an embedding has another form")
    truncated = tuple(index for index, flag in enumerate(flags) if flag == FLAGS[True][0])
    return PartResult(vectors, PartAbout(model, truncated=truncated))
