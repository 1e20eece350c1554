"""Statistics of the raw measurements: percentiles, samples, medians, ratios."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of all do not exceed.

    Not a number where there are no values.
    """
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one contender.

    `generator_share` is the part of all cores that the load generator itself took.
    """

    seconds: float
    done: int
    latencies_s: Sequence[float] = field(repr=False)
    errors: dict[str, int] = field(default_factory=dict)
    generator_share: float = 0.0

    @property
    def rate(self) -> float:
        """Answers, or images, per second."""
        return self.done / self.seconds if self.seconds else math.nan

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def latency_ms(self, share: float) -> float:
        return 1000 * percentile(self.latencies_s, share)


@dataclass(frozen=True, slots=True)
class Series:
    """A contender's samples at one number of connections, one of each round."""

    contender: str
    connections: int
    samples: Sequence[Sample]

    @property
    def rate(self) -> float:
        return self.middle(lambda sample: sample.rate)

    @property
    def p50_ms(self) -> float:
        return self.middle(lambda sample: sample.latency_ms(0.5))

    @property
    def p99_ms(self) -> float:
        return self.middle(lambda sample: sample.latency_ms(0.99))

    @property
    def failed(self) -> int:
        return sum(sample.failed for sample in self.samples)

    def middle(self, of: Callable[[Sample], float]) -> float:
        """The median over the rounds."""
        return median(map(of, self.samples)) if self.samples else math.nan

    def against(self, other: "Series", compare: Callable[[Sample, Sample], float]) -> float:
        """The median over the rounds of a comparison of two samples, so that drift cancels out."""
        pairs = list(zip(self.samples, other.samples, strict=True))
        return median(compare(mine, its) for mine, its in pairs) if pairs else math.nan


def rate_ratio(mine: Sample, its: Sample) -> float:
    return mine.rate / its.rate if its.rate else math.nan


def p99_ratio(mine: Sample, its: Sample) -> float:
    return mine.latency_ms(0.99) / its.latency_ms(0.99)


def p50_difference_ms(mine: Sample, its: Sample) -> float:
    return mine.latency_ms(0.5) - its.latency_ms(0.5)
