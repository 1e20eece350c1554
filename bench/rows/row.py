"""The input and the result of a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.bars import Verdict
from bench.figures import Series
from bench.options import Options
from bench.progress import Progress
from bench.service import Plan, Service

FAKE_SECONDS_PER_IMAGE = 0.001


@dataclass(frozen=True, slots=True)
class Bench:
    """What every row needs; logs go to `folder`."""

    options: Options
    progress: Progress
    folder: Path

    def service(self, plan: Plan) -> Service:
        """Start the service; with a model that sleeps where the harness itself is tried."""
        if self.options.fake and plan.worker == "worker":
            plan = sleepy(plan, FAKE_SECONDS_PER_IMAGE)
        self.progress.say(f"  starting the service ({plan.workers} × {plan.worker})")
        return Service(plan, self.folder)


@dataclass(frozen=True, slots=True)
class Result:
    """What a row found. `notes` are further figures, by name."""

    title: str
    series: list[Series] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: Mapping[str, str] = field(default_factory=dict)


Run = Callable[[Bench], list[Result]]


def sleepy(plan: Plan, seconds_per_image: float) -> Plan:
    """The same with a model that sleeps that long for each image, one image at a time."""
    environment = {
        **plan.environment,
        "BENCH_SECONDS_PER_IMAGE": seconds_per_image,
        "CLIP_BATCH_SIZE": 1,
    }
    return replace(plan, worker="bench.sleepy_worker", environment=environment)
