"""How often a model ranks the right label first: counts of labelled images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

SEVERAL = 5
"""The other accuracy is that of the right label among the first five."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of a label for which another label is first, and the path of one of them."""

    label: str
    images: int
    example: str


@dataclass
class Counts:
    """Images that were ranked, and those with the right label first, or among the first five."""

    images: int = 0
    failed: int = 0
    first: int = 0
    among_first: int = 0

    @property
    def top_1(self) -> float | None:
        return self.first / self.images if self.images else None

    @property
    def top_5(self) -> float | None:
        return self.among_first / self.images if self.images else None


@dataclass
class LabelCounts(Counts):
    """The counts of one label; the keys of both dictionaries are what its images were taken for."""

    label: str = ""
    taken_for: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def confusions(self) -> list[Confusion]:
        """What its images were taken for, the most frequent first."""
        frequent = self.taken_for.most_common()
        return [Confusion(label, images, self.examples[label]) for label, images in frequent]


class Evaluation:
    """The counts of a model. Memory depends on the number of labels, not on that of images."""

    def __init__(self, model: str, precision: str, labels: Sequence[str]) -> None:
        self.model, self.precision = model, precision
        self.total = Counts()
        self._labels = [LabelCounts(label=label) for label in labels]

    @property
    def labels(self) -> int:
        return len(self._labels)

    @property
    def has_top_5(self) -> bool:
        """Whether the first five are not all."""
        return self.labels > SEVERAL

    def add(self, label: int, cosines: Sequence[float], name: str) -> None:
        """Count an image of a label, with its cosine similarity to each label."""
        places = range(len(cosines))
        # As rankings do: of equal ones, the first comes first.
        best = max(places, key=lambda place: (cosines[place], -place))
        rank = sum((cosines[place], -place) > (cosines[label], -label) for place in places)
        counted = self._labels[label]
        for counts in (self.total, counted):
            counts.images += 1
            counts.first += rank == 0
            counts.among_first += rank < SEVERAL
        if rank:
            other = self._labels[best].label
            counted.taken_for[other] += 1
            counted.examples.setdefault(other, name)

    def add_failed(self, label: int) -> None:
        for counts in (self.total, self._labels[label]):
            counts.failed += 1

    def by_label(self) -> list[LabelCounts]:
        """The labels that were ranked, the worst first; of equal ones, that with more images."""
        ranked = [counts for counts in self._labels if counts.images]
        return sorted(ranked, key=lambda each: (each.first / each.images, -each.images))
