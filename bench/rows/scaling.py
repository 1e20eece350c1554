"""More workers, more throughput: the machinery beyond this machine's cores."""

from bench.bars import Verdict, at_least
from bench.contender import Contender, ended_in_the_end
from bench.figures import rate_ratio
from bench.rounds import measured
from bench.rows.row import Bench, Result, sleepy
from bench.service import Plan

SECONDS_PER_IMAGE = 0.05
WORKERS = (1, 2, 4)
CONNECTIONS = 32
BAR = at_least(3.7)


def run(bench: Bench) -> list[Result]:
    bench.progress.say("scaling of the machinery")
    contenders: dict[str, Contender] = {}
    with ended_in_the_end(contenders):
        for workers in WORKERS:
            plan = sleepy(Plan("sleepy", workers=workers), SECONDS_PER_IMAGE)
            contenders[_name(workers)] = bench.service(plan)
            contenders[_name(workers)].pause()
        series = measured(contenders, CONNECTIONS, bench.options, bench.progress)
    ratio = series[_name(WORKERS[-1])].against(series[_name(1)], rate_ratio)
    what = f"{WORKERS[-1]} workers against 1, each asleep 50 ms an image"
    return [Result("scaling", list(series.values()), [Verdict(what, BAR, ratio)])]


def _name(workers: int) -> str:
    return f"{workers} worker{'s' if workers > 1 else ''}"
