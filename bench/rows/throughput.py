"""Images per second of the bare model and this service in each precision, and of the peers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.agreement import largest_difference
from bench.contender import Contender, Server, ended_in_the_end
from bench.images import PHOTO, THUMBNAIL
from bench.limit import Bare
from bench.models import folder_of
from bench.opponents import PEERS, PLAIN, NotInstalled
from bench.processes import DidNotStart
from bench.rounds import measured
from bench.rows.row import Bench, Result
from bench.rows.targets import JUDGED_AT, bare_in, judge, service_in
from bench.service import Plan

KINDS = {"demo": THUMBNAIL, "tinyclip-8m-16": PHOTO, "vit-b-32": PHOTO}
TOLERANCE = 1e-3
"""Of cosine similarities; different preprocessing or weights give far larger differences."""
TOLERANCES = {service_in("bfloat16"): 0.02, service_in("int8"): 0.05}
PATIENT = {"CLIP_SYNC_TIMEOUT_S": "60", "CLIP_API_THREADS": "256"}
"""The peers make 128 clients of a slow model wait, too, and refuse none."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One model and the servers of it."""

    bench: Bench
    model: str
    contenders: dict[str, Contender] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def run(self) -> Result:
        self.bench.progress.say(f"throughput of {self.model}")
        options = self.bench.options
        with ended_in_the_end(self.contenders):
            self._start()
            self._compare_answers()
            points = {
                count: measured(self._at(count), count, options, self.bench.progress)
                for count in options.connections
            }
        series = [one for by_contender in points.values() for one in by_contender.values()]
        verdicts = judge(self.model, points.get(JUDGED_AT, {}))
        return Result(f"throughput, {self.model}", series, verdicts, self.notes)

    def _at(self, connections: int) -> Mapping[str, Contender]:
        """The contenders at that number. Bare models have no connections: once is enough."""
        return self.contenders if connections == JUDGED_AT else self._servers()

    def _start(self) -> None:
        """One after the other: some measure at their start what suits them."""
        bench, folder, kind = self.bench, folder_of(self.model), KINDS[self.model]
        if bench.options.fake:
            self._add(service_in("float32"), bench.service(Plan(str(folder), kind=kind)))
            return
        best = {dtype: self._start_bare(dtype) for dtype in bench.options.dtypes}
        for dtype in bench.options.dtypes:
            plan = Plan(str(folder), kind=kind, environment={"CLIP_DTYPE": dtype, **PATIENT})
            self._add(service_in(dtype), bench.service(plan))
        batch = best.get("float32") or max(best.values())
        for name, start in PEERS.items():
            bench.progress.say(f"  starting {name}")
            try:
                self._add(name, start(folder, kind, bench.folder, batch))
            except (NotInstalled, DidNotStart) as error:
                self.notes[name] = str(error).splitlines()[0]
                bench.progress.say(f"  {name}: {error}")

    def _start_bare(self, dtype: str) -> int:
        """Returns its best batch size."""
        name, bench = bare_in(dtype), self.bench
        bench.progress.say(f"  looking for the best batch size of the {name}")
        probe_s = min(1.0, bench.options.seconds / 4)
        bare = Bare(folder_of(self.model), dtype, KINDS[self.model], bench.folder, probe_s)
        self._add(name, bare)
        self.notes[f"batch size of the {name}"] = str(bare.batch)
        return bare.batch

    def _compare_answers(self) -> None:
        """Of those that rank; plain Flask runs transformers as it is."""
        servers = self._servers()
        plain = servers.pop(PLAIN, None)
        if plain is None:
            return
        for name, server in servers.items():
            if server.address.path == plain.address.path:
                tolerance = TOLERANCES.get(name, TOLERANCE)
                difference = largest_difference(server, plain, KINDS[self.model], tolerance)
                self.notes[f"cosine similarities of {name}"] = f"at most {difference:.1g} off"

    def _servers(self) -> dict[str, Server]:
        return {
            name: contender
            for name, contender in self.contenders.items()
            if isinstance(contender, Server)
        }

    def _add(self, name: str, contender: Contender) -> None:
        self.contenders[name] = contender
        contender.pause()


def run(bench: Bench) -> list[Result]:
    return [Contest(bench, model).run() for model in bench.options.models]
