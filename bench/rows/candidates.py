"""The cost of a thousand cached labels."""

from collections.abc import Callable

from bench.bars import Verdict, at_most
from bench.contender import ended_in_the_end
from bench.figures import Sample, Series, p50_difference_ms
from bench.images import THUMBNAIL
from bench.load import ClosedLoop
from bench.models import folder_of
from bench.rounds import interleaved
from bench.rows.row import Bench, Result
from bench.service import Plan
from bench.wire import many_labels, ranking, unique

FEW, MANY = 10, 1000
BAR = at_most(30, " ms")


def run(bench: Bench) -> list[Result]:
    bench.progress.say("few and many repeated candidates")
    service = bench.service(Plan(str(folder_of("demo"))))

    def turn(count: int) -> Callable[[], Sample]:
        make = unique(service.address, ranking(many_labels(count)), THUMBNAIL)

        def take() -> Sample:
            loop = ClosedLoop(service.address, make, 1)
            sample = loop.run_for(bench.options.seconds, bench.options.warm_s)
            bench.progress.sample(f"{count} candidates", 1, sample)
            return sample

        return take

    with ended_in_the_end({"service": service}):
        turns = {f"{count} candidates": turn(count) for count in (FEW, MANY)}
        taken = interleaved(turns, bench.options.rounds)
    few, many = (Series(name, 1, samples) for name, samples in taken.items())
    added = many.against(few, p50_difference_ms)
    what = f"demo, {MANY} repeated candidates against {FEW}: p50"
    return [Result("repeated candidates", [few, many], [Verdict(what, BAR, added)])]
