"""The same request repeatedly, answered from the cache."""

from pathlib import Path

from bench.bars import Verdict, at_most
from bench.contender import ended_in_the_end
from bench.figures import Sample, Series
from bench.images import THUMBNAIL
from bench.load import ClosedLoop
from bench.models import folder_of
from bench.rows.row import Bench, Result
from bench.service import Plan
from bench.wire import ranking, repeated

P50_BAR = at_most(4, " ms")
CALLS_BAR = at_most(0, "")


def run(bench: Bench) -> list[Result]:
    bench.progress.say("everything cached")
    calls_path = bench.folder / "calls"
    plan = Plan(
        str(folder_of("demo")),
        worker="bench.counting_worker",
        environment={"BENCH_CALLS": calls_path},
    )
    service = bench.service(plan)
    samples: list[Sample] = []
    calls = 0
    with ended_in_the_end({"service": service}):
        make = repeated(service.address, ranking(), THUMBNAIL)
        ClosedLoop(service.address, make, 1).run_count(5)  # fills the cache
        for _ in range(bench.options.rounds):
            before = _calls(calls_path)
            loop = ClosedLoop(service.address, make, 1)
            samples.append(loop.run_for(bench.options.seconds, bench.options.warm_s))
            calls += _calls(calls_path) - before
            bench.progress.sample("the same request", 1, samples[-1])
    series = Series("the same request", 1, samples)
    verdicts = [
        Verdict("everything cached: p50", P50_BAR, series.p50_ms),
        Verdict("everything cached: model calls", CALLS_BAR, calls),
    ]
    return [Result("everything cached", [series], verdicts)]


def _calls(path: Path) -> int:
    """How often the model ran; the file is rewritten each time, so it may be empty for a moment."""
    while not (text := path.read_text()):
        pass
    return int(text)
