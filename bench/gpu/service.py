"""Fourth step: the service end to end, from JPEG bytes to answers, with one and two workers."""

import re
import shutil
import sys
import time
from collections import Counter

from bench.figures import percentile
from bench.gpu import usage
from bench.gpu.client import Clients, Order
from bench.gpu.figure import attempt, obey_signals, report
from bench.gpu.fleet import Fleet
from bench.gpu.options import Options, folder_of, parse
from bench.gpu.profile import Profile
from bench.memory import descendants

CLIENTS = 4
"""Processes that send requests; they share the cores with the service."""
WARM_S = 1.0
"""From the first request until answers count."""
MOST_WORKERS = 2
BUSIEST = 3


class Measurement:
    """One model's service."""

    def __init__(self, options: Options, fleet: Fleet) -> None:
        [self._model] = options.models
        self._options = options
        self._fleet = fleet

    def run(self) -> None:
        quick = self._options.quick
        few, many, heavy, images = (4, 8, 4, 8) if quick else (32, 256, 16, 64)
        began = time.perf_counter()
        self._fleet.begin(MOST_WORKERS)
        self._tell(f"{MOST_WORKERS} workers up in", time.perf_counter() - began, "s")
        self._tell_start()
        self._try("2 workers", many)
        self._try("2 workers", heavy, images)
        self._fleet.leave(1)
        self._try("1 worker", many)
        self._try("1 worker", heavy, images)
        self._try("1 worker", 1, clients=1)
        if self._model != "vit-l-14":  # what it spends around the model is the same
            self._try("1 worker", few)
            attempt("profile", self._profile, self._model)

    def _try(self, name: str, connections: int, images: int = 1, clients: int = CLIENTS) -> None:
        attempt(name, lambda: self._measure(name, connections, images, clients), self._model)

    def _measure(self, name: str, connections: int, images: int, clients: int) -> None:
        """Rate and latency, and what was busy meanwhile."""
        share = max(1, connections // clients)
        orders = [
            Order(self._fleet.port, share, self._options.seconds, WARM_S, images, number)
            for number in range(clients)
        ]
        path = f"/encode of {images}" if images > 1 else "/rank of 1"
        what = f"{name}, {share * clients} connections, {path}"
        running = Clients(orders)
        time.sleep(WARM_S)
        card = usage.CardWatch(self._options.device)
        before = Seen(self._fleet)
        time.sleep(0.7 * self._options.seconds)
        after = Seen(self._fleet)
        busy = card.stop()
        samples = running.samples()
        latencies = [seconds for sample in samples for seconds in sample.latencies_s]
        errors = sum((Counter(sample.errors) for sample in samples), Counter[str]())
        rate = images * sum(sample.rate for sample in samples)
        self._tell(f"{what}, images/s", rate, "/s")
        shown = ", ".join(
            f"p{100 * q:.0f} {1000 * percentile(latencies, q):.1f}" for q in (0.5, 0.99)
        )
        self._tell(f"{what}, latency in ms", shown)
        if errors:
            self._tell(f"{what}, ERRORS", str(dict(errors)))
        generator = sum(sample.generator_share for sample in samples)
        self._tell(f"{what}, cores busy", self._cores(before, after, generator))
        stages = usage.means(before.scraped, after.scraped)
        told = {**stages, **busy}
        self._tell(f"{what}, means", ", ".join(f"{k} {v:,.1f}" for k, v in told.items()))

    def _cores(self, before: "Seen", after: "Seen", generator: float) -> str:
        """By process; in brackets the busiest threads of the first worker."""
        took = after.at - before.at
        words = [
            f"{name} {(after.cpu_s[name] - before.cpu_s[name]) / took:.2f}" for name in after.cpu_s
        ]
        threads = Counter(after.threads_s)
        threads.subtract(before.threads_s)
        busiest = [f"{seconds / took:.2f}" for _, seconds in threads.most_common(BUSIEST)]
        return f"{', '.join(words)} ({', '.join(busiest)}), clients {generator:.1%} of all"

    def _profile(self) -> None:
        """The threads that hold the GIL, if py-spy is installed."""
        if shutil.which("py-spy") is None:
            return
        orders = [Order(self._fleet.port, 32, 5, WARM_S, 1, number) for number in range(CLIENTS)]
        clients = Clients(orders)
        time.sleep(WARM_S)
        profiles = {}
        for name, process in (("worker", self._fleet.workers[0]), ("api", self._fleet.api)):
            assert process
            pid = descendants(process.popen.pid)[-1]
            path = self._options.folder / f"py-spy-{self._model}-{name}.txt"
            profiles[name] = Profile(pid, path)
        for name, profile in profiles.items():
            for what, shown in profile.shares():
                self._tell(f"{name}, {what}", shown)
        clients.samples()

    def _tell_start(self) -> None:
        log = self._fleet.workers[0].log_path.read_text(errors="replace")
        for event in ("model_loaded", "model_warm"):
            line = next((line for line in log.splitlines() if f'"{event}"' in line), "")
            told = re.findall(r'"(device|dtype|batch_size|seconds)":\s*("?[\w:.]+"?)', line)
            self._tell(event, ", ".join(f"{key} {value}" for key, value in told))

    def _tell(self, what: str, value: float | str, unit: str = "") -> None:
        report(what, value, unit, self._model)


class Seen:
    """Counters at one moment."""

    def __init__(self, fleet: Fleet) -> None:
        assert fleet.api
        self.at = time.perf_counter()
        pids = {"api": fleet.api.popen.pid, "valkey": fleet.valkey_pid}
        pids |= {worker.name: worker.popen.pid for worker in fleet.workers}
        self.cpu_s = {name: usage.cpu_s(pid) for name, pid in pids.items()}
        self.threads_s = usage.threads_s(fleet.workers[0].popen.pid)
        self.scraped = usage.scraped(fleet.metrics_ports[0])


def main() -> None:
    obey_signals()
    options = parse(sys.argv[1:])
    [model] = options.models
    with Fleet(str(folder_of(model)), options.device) as fleet:
        try:
            Measurement(options, fleet).run()
        except Exception:
            for path in sorted(fleet.folder.glob("*.log")):
                print(f"{path.name}: {path.read_text(errors='replace')[-1500:]}", flush=True)
            raise


if __name__ == "__main__":
    main()
