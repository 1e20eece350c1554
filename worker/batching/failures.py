"""Tells a worker whose model fails on everything from items that the model cannot encode."""

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_FAILED_BATCHES = 8
MIN_JOBS = 2


class ModelBroken(Exception):
    """The model of this process fails whatever it encodes; a new process is needed."""


@dataclass(slots=True)
class FailedBatches:
    """Counts the last batches of a kind that failed entirely, and their jobs.

    One job alone proves nothing: all of its items may be bad.
    """

    count: int = 0
    jobs: set[str] = field(default_factory=set)

    def add(self, jobs: Iterable[str]) -> None:
        """Count a failed batch. Raises ModelBroken if there were too many in a row."""
        self.count += 1
        if len(self.jobs) < MIN_JOBS:
            self.jobs.update(jobs)
        if self.count >= MAX_FAILED_BATCHES and len(self.jobs) >= MIN_JOBS:
            raise ModelBroken(f"the last {self.count} batches failed")

    def reset(self) -> None:
        """An item was encoded."""
        self.count = 0
        self.jobs.clear()
