"""The targets of the service, and whether they are met."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Sense(StrEnum):
    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit on one figure. `unit` is written behind numbers: "×", " ms", " %"."""

    sense: Sense
    limit: float
    unit: str = "×"

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:g}{self.unit}"

    def is_met(self, measured: float) -> bool:
        """Not a number meets nothing."""
        if self.sense is Sense.AT_LEAST:
            return measured >= self.limit
        return measured <= self.limit


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure and its target; `missing` says why there is no figure."""

    what: str
    bar: Bar
    measured: float = math.nan
    missing: str = ""

    @property
    def shown(self) -> str:
        return self.missing or f"{self.measured:.3g}{self.bar.unit}"

    @property
    def outcome(self) -> str:
        if self.missing:
            return "not measured"
        return "met" if self.bar.is_met(self.measured) else "NOT MET"


def at_least(limit: float, unit: str = "×") -> Bar:
    return Bar(Sense.AT_LEAST, limit, unit)


def at_most(limit: float, unit: str = "×") -> Bar:
    return Bar(Sense.AT_MOST, limit, unit)
