"""The outcome of a job, read from the ledger part by part."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, groupby, islice

import numpy as np

from api.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    ItemFault,
    JobCancelled,
    ModelChanged,
)
from api.request.request import KEY_OF_LETTER
from common.errors import JobLost, NoMemory
from common.ledger.jobs import Ledger
from common.ledger.records import JobRecord, LabelSetVersion, Scoring
from common.protocol.messages import Fault, ModelInfo, PartAbout, PartResult, Timings, Vectors

SMALL_PARTS = 4
PARTS_IN_MEMORY = 4
ROWS_AT_ONCE = 128
RETRY_AFTER_S = 5
"""After a lack of memory."""


class Outcome:
    """A job and the results of its finished parts; complete once the job is done or has failed.

    Embeddings are read on demand, a few parts at a time, except for a small job and after `hold`.
    """

    def __init__(
        self, ledger: Ledger, record: JobRecord, results: list[PartResult | None] | None = None
    ) -> None:
        """`results` are those of all parts, if they were read already."""
        self.record = record
        self._ledger = ledger
        self._sizes = record.request.sizes
        self._ends = list(accumulate(self._sizes))
        self._part = lru_cache(PARTS_IN_MEMORY)(self._read_part)
        self._is_held = record.has_ended and record.parts <= SMALL_PARTS
        self._at_hand = results and self._whole(range(record.parts), results)

    def hold(self) -> None:
        """Read all results now: a client may read for longer than the ledger keeps them."""
        self._is_held = True

    @cached_property
    def _results(self) -> list[PartResult | None]:
        """The results of all parts, in one round trip."""
        return self._at_hand or self._read(range(self.record.parts))

    @cached_property
    def _abouts(self) -> list[PartAbout | None]:
        if self._is_held:
            return [result.about if result else None for result in self._results]
        return self._ledger.abouts(self.record.id, range(self.record.parts))

    def items_of(self, pointer: str) -> Sequence[int]:
        """The indices of the items in a list of the request."""
        return self.record.request.lists[pointer]

    @property
    def scoring(self) -> Scoring:
        """How scores are made of the embeddings."""
        return self.record.request.scoring

    @property
    def label_set(self) -> LabelSetVersion | None:
        """The label set that replaces the candidates, if any."""
        return self.record.request.label_set

    @property
    def has_candidates(self) -> bool:
        """Whether the job itself encodes the candidates."""
        return "/candidates" in self.record.request.lists

    @cached_property
    def faults(self) -> dict[int, Fault]:
        """The faults of single items, by index."""
        return {
            first + index: fault
            for first, about in self._finished()
            for index, fault in about.faults.items()
        }

    @cached_property
    def truncated(self) -> frozenset[int]:
        """The indices of texts that the model truncated."""
        return frozenset(first + i for first, about in self._finished() for i in about.truncated)

    @cached_property
    def transparent(self) -> frozenset[int]:
        """The indices of images that are not opaque."""
        return frozenset(first + i for first, about in self._finished() for i in about.transparent)

    @cached_property
    def tokens(self) -> dict[int, int]:
        """The number of tokens of each text, by index; 0 for an image."""
        return {
            first + index: count
            for first, about in self._finished()
            for index, count in enumerate(about.tokens)
        }

    @property
    def timings(self) -> Timings:
        """The largest timings of any part."""
        return Timings(
            *(
                max((getattr(about.timings, name) for _, about in self._finished()), default=0.0)
                for name in ("queue", "fetch", "decode", "inference")
            )
        )

    @property
    def asked_for(self) -> str:
        """The name of the model that must run the job; empty for any."""
        return self.record.request.model

    @property
    def model(self) -> ModelInfo | None:
        """The model of the finished parts.

        Raises:
            ModelChanged: there were several, or it is not the model that must run the job.
        """
        models = {about.model for _, about in self._finished()}
        asked_for = self.asked_for
        if len(models) > 1 or (asked_for and {model.name for model in models} - {asked_for}):
            raise ModelChanged
        return next(iter(models), None)

    def check_complete(self) -> None:
        """Check that an answer can be made of the results.

        Raises:
            JobLost: the result of a part is gone.
            ModelChanged: different models ran the parts.
        """
        if None in self._abouts or self.model is None:
            raise JobLost

    def check_done(self) -> None:
        """Raise the error of a job that has ended without a result."""
        match self.record.state:
            case "done":
                self.check_complete()
            case "failed":
                self.check_complete()
                if {fault.code for fault in self.faults.values()} == {NoMemory.code}:
                    raise NoMemory(retry_after_s=RETRY_AFTER_S)
                raise InvalidRequest(self.item_faults())
            case "cancelled":
                raise JobCancelled
            case "expired":
                raise DeadlineExceeded
            case state:
                raise InternalError(f"a job that has ended has the state {state}")

    def pointers(self, indices: Iterable[int]) -> Iterator[tuple[int, str]]:
        """The pointers to these items, in the order of the request; an item may have several."""
        wanted = set(indices)
        kinds = self.record.request.kinds
        for pointer, items in self.record.request.lists.items():
            for position, index in enumerate(items):
                if index in wanted:
                    yield index, f"{pointer}/{position}/{KEY_OF_LETTER[kinds[index]]}"

    def truncated_pointers(self) -> list[str]:
        """Pointers to the texts that the model truncated.

        Those of a label set were reported when it was stored.
        """
        return self._pointers_of_its_own(self.truncated)

    def transparent_pointers(self) -> list[str]:
        """The same for images that are not opaque."""
        return self._pointers_of_its_own(self.transparent)

    def _pointers_of_its_own(self, indices: Iterable[int]) -> list[str]:
        pointers = (pointer for _, pointer in self.pointers(indices))
        return [each for each in pointers if not self._is_in_label_set(each)]

    def truncated_candidates(self) -> tuple[int, ...]:
        """The positions of the job's candidates that the model truncated."""
        indices = enumerate(self.items_of("/candidates"))
        return tuple(place for place, index in indices if index in self.truncated)

    def item_faults(self) -> list[ItemFault]:
        return [
            self._fault(pointer, self.faults[index])
            for index, pointer in self.pointers(self.faults)
        ]

    def _fault(self, pointer: str, fault: Fault) -> ItemFault:
        if not self._is_in_label_set(pointer):
            return ItemFault(pointer, fault.code, fault.detail)
        return ItemFault("/label_set", fault.code, f"is a set whose {pointer} {fault.detail}")

    def _is_in_label_set(self, pointer: str) -> bool:
        return self.label_set is not None and pointer.startswith("/candidates/")

    def vectors(self, indices: Sequence[int]) -> Iterator[tuple[Sequence[int], Vectors]]:
        """Embeddings in this order, in short runs within one part: (indices, rows)."""
        for number, run in groupby(indices, key=lambda index: bisect_right(self._ends, index)):
            first = self._ends[number - 1] if number else 0
            while members := list(islice(run, ROWS_AT_ONCE)):
                yield members, self._part(number).vectors[[index - first for index in members]]

    def candidates(self) -> Vectors:
        """The embeddings of all candidates, one row each."""
        runs = self.vectors(self.items_of("/candidates"))
        return np.concatenate([vectors for _, vectors in runs])

    def _read_part(self, number: int) -> PartResult:
        if self._is_held:
            result = self._results[number]
        else:
            [result] = self._read([number])
        if result is None:
            raise JobLost
        return result

    def _read(self, numbers: Sequence[int]) -> list[PartResult | None]:
        """The results of some parts, None for each that is missing or incomplete."""
        return self._whole(numbers, self._ledger.results(self.record.id, numbers))

    def _whole(
        self, numbers: Sequence[int], results: Sequence[PartResult | None]
    ) -> list[PartResult | None]:
        return [
            result if result and len(result.vectors) == self._sizes[number] else None
            for number, result in zip(numbers, results, strict=True)
        ]

    def _finished(self) -> Iterator[tuple[int, PartAbout]]:
        """The finished parts, each with the index of its first item."""
        for start, about in zip([0, *self._ends], self._abouts, strict=False):
            if about is not None:
                yield start, about
