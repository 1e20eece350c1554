"""Label sets between HTTP and their store: encoded once for each model, and remembered."""

import hashlib
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

import structlog
from cachetools import LRUCache, cached
from redis.exceptions import RedisError

from api.items import DistinctItems
from api.lineup import Named
from api.results import Candidates, Outcome
from api.scoring import Scoring, normalised
from common.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ItemFault,
    JobLost,
    ModelChanged,
    NoSuchLabelSet,
    TooManyLabelSets,
    UnknownModel,
)
from common.label_sets import LabelContent, Labels, LabelSet, LabelSetStore, LabelSetVersion, Put
from common.protocol import Item, ModelInfo, PartAbout, PartResult
from common.records import Idempotency, JobRecord

log = structlog.get_logger()

REMEMBERED_BYTES = 1 << 27

Encode: TypeAlias = Callable[[DistinctItems, str, str, Idempotency], Outcome]
"""Has items encoded, for an owner and in a request, now or in the job of the same key."""


class NotStored(LookupError):
    """No embeddings of a label set by this model are stored."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a set that was put; `truncated` texts were not seen whole by the model."""

    outcome: Put
    label_set: LabelSet
    truncated: int = 0


class LabelSets:
    """The label sets of all owners. Its methods raise RedisError when Redis is away."""

    def __init__(self, store: LabelSetStore, encode: Encode) -> None:
        self._store = store
        self._encode = encode
        # What is under such a key never changes.
        remembered = LRUCache[Hashable, Candidates](REMEMBERED_BYTES, _bytes_of)
        self._remembered = cached(remembered, lock=Lock())(self._read)

    def current(self, owner: str, name: str) -> LabelSet:
        """A set as it is now. Raises NoSuchLabelSet."""
        found = self._store.current(owner, name)
        if found is None:
            raise NoSuchLabelSet(f"there is no label set {name[:64]!r}")
        return found

    def listed(self, owner: str) -> list[LabelSet]:
        return self._store.listed(owner)

    def models(self, owner: str, label_set: LabelSet) -> list[ModelInfo]:
        """The models for which its embeddings are stored."""
        return self._store.models(owner, label_set.of)

    def names(self, owner: str, label_set: LabelSet) -> list[str | None]:
        """What to call each of its candidates; empty when its content was lost."""
        content = self._store.content(owner, label_set.of)
        return content.names if content else []

    def drop(self, owner: str, name: str) -> None:
        """Forget a set, but for the jobs that were sent with it. Raises NoSuchLabelSet."""
        if not self._store.drop(owner, name):
            raise NoSuchLabelSet(f"there is no label set {name[:64]!r}")

    def put(self, owner: str, name: str, work: DistinctItems, request_id: str) -> Stored:
        """Encode candidates and store them under a name, unless they stand there already.

        Raises:
            TooManyLabelSets: the owner has too many others.
            ClipError: they could not be encoded.
        """
        content = content_of(work)
        label_set = LabelSet(name, content.version, content.count, time.time())
        known = self._store.current(owner, name)
        if known and known.version == label_set.version and self._store.holds(owner, known.of):
            return Stored("same", known)
        if known is None and self._store.is_full(owner):
            raise TooManyLabelSets
        key = _idempotency(owner, label_set.version)
        outcome = self._encode(work, owner, request_id, key)
        labels = Labels(content, work.blobs)
        put = self._store.put(owner, label_set, labels, _result(outcome))
        if put == "full":
            raise TooManyLabelSets
        return Stored(put, label_set, len(outcome.truncated_pointers()))

    def find(self, outcome: Outcome) -> Candidates:
        """The embeddings that a job is to be answered with; made now if there are none.

        Raises:
            JobLost: nothing is left of this version.
            ModelChanged: the workers have another model by now.
            ClipError: the candidates could not be encoded anew.
        """
        record, of, model = outcome.record, outcome.label_set, outcome.model
        if of is None or model is None:
            raise JobLost
        if outcome.has_candidates:
            return self._learn(outcome, of, model)
        try:
            return self._remembered(record.owner, of, model)
        except NotStored:
            self._make(record, of, model)
        try:
            return self._remembered(record.owner, of, model)
        except NotStored:
            raise JobLost from None

    def _read(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> Candidates:
        found = self._store.embeddings(owner, of, model)
        if found is None:
            raise NotStored
        return Candidates(normalised(found.vectors), found.about.truncated)

    def _learn(self, outcome: Outcome, of: LabelSetVersion, model: ModelInfo) -> Candidates:
        """Keep what a job made of its own candidates for those that come after it."""
        owner, result = outcome.record.owner, _result(outcome)
        try:
            if not self._store.has_embeddings(owner, of, model):
                self._store.add(owner, of, result)
        except RedisError as error:
            log.warning("candidates_not_kept", reason=str(error))
        return Candidates(normalised(result.vectors), result.about.truncated)

    def _make(self, record: JobRecord, of: LabelSetVersion, model: ModelInfo) -> None:
        labels = self._store.labels(record.owner, of)
        if labels is None:
            raise JobLost
        # One job for all who need it at the same time.
        key = _idempotency(record.owner, f"{of.version} {model}")
        work = _work(labels, Named(model.name, "/label_set"))
        try:
            outcome = self._encode(work, record.owner, record.id, key)
        except UnknownModel:
            raise ModelChanged from None
        except DeadlineExceeded as error:
            what = f"label set {of.name} is" if of.is_named else "candidates are"
            told = f"the {what} still being encoded"
            raise DeadlineExceeded(told, job=record.id) from error
        except InvalidRequest as error:
            if not of.is_named:
                raise
            raise InvalidRequest([_fault_within(fault) for fault in error.faults]) from error
        self._store.add(record.owner, of, _result(outcome))
        if outcome.model != model:
            raise ModelChanged


def _bytes_of(candidates: Candidates) -> int:
    return candidates.units.nbytes


def content_of(work: DistinctItems) -> LabelContent:
    """What a set is made of, where all items so far are those of candidates."""
    return LabelContent(
        [(item.kind, item.value) for item in work.items],
        work.lists["/candidates"],
        work.scoring.templates,
    )


def _work(labels: Labels, model: Named) -> DistinctItems:
    """What must be encoded again; it was within the limits when it was stored."""
    content = labels.content
    return DistinctItems(
        max_image_bytes=0,
        max_text_chars=0,
        named=model,
        items=[Item(kind, value, queries=1, required=True) for kind, value in content.items],
        lists={"/candidates": content.candidates},
        blobs=dict(labels.blobs),
        scoring=Scoring(content.templates),
    )


def _result(outcome: Outcome) -> PartResult:
    if outcome.model is None:
        raise JobLost
    about = PartAbout(outcome.model, truncated=outcome.truncated_candidates())
    return PartResult(outcome.candidates(), about)


def _fault_within(fault: ItemFault) -> ItemFault:
    return ItemFault("/label_set", fault.code, f"is a set whose {fault.pointer} {fault.detail}")


def _idempotency(owner: str, what: str) -> Idempotency:
    told = f"label set\n{owner}\n{what}"
    return Idempotency(hashlib.sha256(told.encode()).hexdigest(), what)
