"""The orders to the bare model, and its answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A batch size, and for how long to go on."""

    batch: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Images done in so many seconds, and the seconds that each batch took."""

    images: int
    seconds: float
    batches_s: list[float]
