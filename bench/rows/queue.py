"""Requests per second against the least that a queue can cost."""

from bench.bars import Verdict, at_least
from bench.contender import Contender, ended_in_the_end
from bench.figures import rate_ratio
from bench.models import folder_of
from bench.rounds import measured
from bench.rows.row import Bench, Result
from bench.service import Plan

CONNECTIONS = 64
BAR = at_least(0.8)
ECHO, SERVICE = "Celery echo", "this service"


def run(bench: Bench) -> list[Result]:
    bench.progress.say("against a bare Celery echo task")
    model = str(folder_of("demo"))
    echo = Plan(model, worker="bench.peers.echo_worker", app="bench.peers.echo:create_app()")
    contenders: dict[str, Contender] = {}
    with ended_in_the_end(contenders):
        for name, plan in ((ECHO, echo), (SERVICE, Plan(model))):
            contenders[name] = bench.service(plan)
            contenders[name].pause()
        series = measured(contenders, CONNECTIONS, bench.options, bench.progress)
    ratio = series[SERVICE].against(series[ECHO], rate_ratio)
    what = f"demo, {CONNECTIONS} connections: requests/s against a bare Celery echo task"
    return [Result("against a bare queue", list(series.values()), [Verdict(what, BAR, ratio)])]
