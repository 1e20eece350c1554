"""Label sets between HTTP and their store: encoded once per model, then used by name."""

import time
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

import structlog
from cachetools import LRUCache, cached
from redis.exceptions import ResponseError

from api.answer.results import Outcome
from api.answer.scoring import Units, normalised
from api.dispatch.models import ResolvedModel
from api.errors import ModelChanged, NoSuchLabelSet, TooManyLabelSets
from api.request.request import EncodeSpec
from common.errors import JobLost
from common.label_sets.label_content import LabelContent, Labels, LabelSet
from common.label_sets.store import LabelSetStore, Put
from common.ledger.records import LabelSetVersion
from common.protocol.messages import ModelInfo, PartAbout, PartResult

log = structlog.get_logger()

MAX_BYTES_IN_MEMORY = 1 << 27


@dataclass(frozen=True, slots=True)
class Stored:
    """The outcome of storing a set.

    `truncated` is the number of texts that were truncated, `transparent` that of images that are
    not opaque.
    """

    outcome: Put
    label_set: LabelSet
    truncated: int = 0
    transparent: int = 0


class LabelSets:
    """The label sets of all owners. Methods raise RedisError when Redis does not answer."""

    def __init__(self, store: LabelSetStore) -> None:
        self._store = store
        # The embeddings of a version by a model never change.
        memory = LRUCache[Hashable, Units](MAX_BYTES_IN_MEMORY, lambda units: units.nbytes)
        self._embeddings = cached(memory, lock=Lock())(self._read)

    def current(self, owner: str, name: str) -> LabelSet:
        """The current version of a set. Raises NoSuchLabelSet."""
        found = self._store.current(owner, name)
        if found is None:
            raise NoSuchLabelSet(f"there is no label set {name[:64]!r}")
        return found

    def used(self, owner: str, name: str, seconds: int) -> LabelSetVersion:
        """The current version of a set, reserved for a job that may need it for `seconds`.

        Raises:
            NoSuchLabelSet: there is no set of this name.
        """
        found = self._store.use(owner, name, seconds)
        if found is None:
            raise NoSuchLabelSet(f"there is no label set {name[:64]!r}")
        return found.of

    def listed(self, owner: str) -> list[LabelSet]:
        return self._store.listed(owner)

    def models(self, owner: str, label_set: LabelSet) -> list[ModelInfo]:
        """The models whose embeddings of it are stored."""
        return self._store.models(owner, label_set.of)

    def content(self, owner: str, of: LabelSetVersion) -> LabelContent | None:
        """What was put, without images; None if it was lost."""
        return self._store.content(owner, of)

    def drop(self, owner: str, name: str) -> None:
        """Delete a set; running jobs can still use it. Raises NoSuchLabelSet."""
        if not self._store.drop(owner, name):
            raise NoSuchLabelSet(f"there is no label set {name[:64]!r}")

    def unchanged(self, owner: str, name: str, spec: EncodeSpec) -> Stored | None:
        """The set of this name, if it has exactly these candidates already.

        Raises:
            TooManyLabelSets: the owner may have no more sets.
        """
        known = self._store.current(owner, name)
        if known is None:
            if self._store.is_full(owner):
                raise TooManyLabelSets
            return None
        is_same = known.version == _content(spec).version and self._store.holds(owner, known.of)
        return Stored("same", known) if is_same else None

    def put(self, owner: str, name: str, spec: EncodeSpec, outcome: Outcome) -> Stored:
        """Store candidates under a name, with their embeddings from a job.

        Raises:
            TooManyLabelSets: the owner's sets would be too many or too large.
        """
        content = _content(spec)
        label_set = LabelSet(name, content.version, content.count, time.time())
        put = self._store.put(owner, label_set, Labels(content, spec.blobs), _result(outcome))
        if put == "full":
            raise TooManyLabelSets
        if put == "too_large":
            raise TooManyLabelSets("the label sets together would take too many bytes")
        truncated, transparent = outcome.truncated_pointers(), outcome.transparent_pointers()
        return Stored(put, label_set, len(truncated), len(transparent))

    def resolve(self, spec: EncodeSpec, owner: str, model: ResolvedModel) -> EncodeSpec:
        """The spec plus its label set's candidates, unless their embeddings are stored.

        Raises:
            JobLost: the content of this version is gone.
        """
        of = spec.label_set
        if of is None:
            return spec
        if model.served and self._store.has_embeddings(owner, of, model.served[0]):
            return spec
        labels = self._store.labels(owner, of)
        if labels is None:
            raise JobLost
        return spec.with_candidates(labels)

    def candidates_of(self, outcome: Outcome) -> Units | None:
        """The candidates' embeddings for a `rank` job that is done, one row each; else None.

        Raises:
            ModelChanged: the model that ran the job is not the one served when it was sent.
        """
        record, of, model = outcome.record, outcome.label_set, outcome.model
        if record.kind != "rank" or record.state != "done" or model is None:
            return None
        if of is None:
            return normalised(outcome.candidates())
        if not outcome.has_candidates:
            return self._embeddings(record.owner, of, model)
        self._keep(record.owner, of, model, outcome)
        return normalised(outcome.candidates())

    def _read(self, owner: str, of: LabelSetVersion, model: ModelInfo) -> Units:
        found = self._store.embeddings(owner, of, model)
        if found is None:
            raise ModelChanged
        return normalised(found.vectors)

    def _keep(self, owner: str, of: LabelSetVersion, model: ModelInfo, outcome: Outcome) -> None:
        """Store a job's embeddings of a set's candidates, for later requests."""
        try:
            if not self._store.has_embeddings(owner, of, model):
                self._store.add(owner, of, _result(outcome))
        except ResponseError as error:  # e.g. Redis is full
            log.warning("label_set_not_kept", reason=str(error))


def _content(spec: EncodeSpec) -> LabelContent:
    """The content of a set, from a spec whose items are all candidates."""
    items = [(item.kind, item.value) for item in spec.items]
    candidates, given = list(spec.lists["/candidates"]), spec.templates
    # The default of the settings must not change the version of a set without images.
    alpha = spec.alpha if any(kind != "text" for kind, _ in items) else "drop"
    if len(given) == 1:
        return LabelContent(items, candidates, (), alpha, given[0])
    return LabelContent(items, candidates, given, alpha)


def _result(outcome: Outcome) -> PartResult:
    if outcome.model is None:
        raise JobLost
    about = PartAbout(outcome.model, truncated=outcome.truncated_candidates())
    return PartResult(outcome.candidates(), about)
