"""Whether the memory of a process grows with the number of requests."""

import time
from collections.abc import Mapping
from contextlib import closing
from statistics import median

from bench.bars import Verdict, at_most
from bench.contender import ended_in_the_end
from bench.figures import Series
from bench.memory import can_tell, descendants, resident_mb
from bench.models import folder_of
from bench.rows.row import Bench, Result
from bench.service import Plan, Service

BAR = at_most(3, " %")
CONNECTIONS = 32
LOOKS = 5
"""How often memory is looked at once all requests are answered, a second apart."""

Sizes = Mapping[str, float]


def run(bench: Bench) -> list[Result]:
    bench.progress.say("memory")
    early, late = bench.options.memory_requests
    what = f"memory growth from {early} to {late} requests"
    if not can_tell():
        return [Result("memory", verdicts=[Verdict(what, BAR, missing="needs Linux")])]
    service = bench.service(Plan(str(folder_of("demo"))))
    # The same connections all the time: how they fall to the API's processes is chance, and memory
    # grows with how many each has.
    with ended_in_the_end({"service": service}), closing(service.loop(CONNECTIONS)) as loop:
        samples = [loop.run_part(early)]
        bench.progress.sample(f"first {early}", CONNECTIONS, samples[-1])
        before = _settled(service)
        samples.append(loop.run_part(late - early))
        bench.progress.sample(f"up to {late}", CONNECTIONS, samples[-1])
        after = _settled(service)
    growth = {name: 100 * (after[name] / before[name] - 1) for name in before if name in after}
    worst = max(growth, key=lambda name: growth[name])
    notes = {
        name: f"{before[name]:.0f} → {after[name]:.0f} MB ({growth[name]:+.1f} %)"
        for name in growth
    }
    series = [Series("memory run", CONNECTIONS, samples)]
    return [Result("memory", series, [Verdict(f"{what} ({worst})", BAR, growth[worst])], notes)]


def _settled(service: Service) -> Sizes:
    """The median of some looks at each process, in MB."""
    pids = {
        f"{process.name}, process {pid}": pid
        for process in service.processes
        for pid in descendants(process.popen.pid)
    }
    looks: dict[str, list[float]] = {name: [] for name in pids}
    for _ in range(LOOKS):
        time.sleep(1)
        for name, pid in pids.items():
            looks[name].append(resident_mb(pid))
    return {name: median(sizes) for name, sizes in looks.items()}
