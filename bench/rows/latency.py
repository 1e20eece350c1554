"""The overhead of the service for one image, without other load."""

from dataclasses import dataclass

from bench.bars import Verdict, at_most
from bench.contender import Contender, ended_in_the_end
from bench.figures import Sample, p50_difference_ms
from bench.images import THUMBNAIL
from bench.limit import Bare
from bench.models import folder_of
from bench.rounds import measured
from bench.rows.row import Bench, Result
from bench.service import Plan

WHAT = "demo, 1 connection: p50 above the bare in-process time"
BAR = at_most(6, " ms")
ALONE, SERVICE = "bare, 1 image", "this service"


@dataclass(frozen=True, slots=True)
class OneByOne:
    """The bare model, one image at a time."""

    bare: Bare

    def resume(self) -> None:
        self.bare.resume()

    def pause(self) -> None:
        self.bare.pause()

    def stop(self) -> None:
        self.bare.stop()

    def measure(self, connections: int, seconds: float, warm_s: float) -> Sample:
        del connections
        return self.bare.measure_single(seconds, warm_s)


def run(bench: Bench) -> list[Result]:
    bench.progress.say("added latency")
    model = folder_of("demo")
    contenders: dict[str, Contender] = {}
    with ended_in_the_end(contenders):
        if not bench.options.fake:
            contenders[ALONE] = OneByOne(
                Bare(model, "float32", THUMBNAIL, bench.folder, probe_s=0.1)
            )
        contenders[SERVICE] = bench.service(Plan(str(model)))
        contenders[SERVICE].pause()
        series = measured(contenders, 1, bench.options, bench.progress)
    verdict = (
        Verdict(WHAT, BAR, series[SERVICE].against(series[ALONE], p50_difference_ms))
        if ALONE in series
        else Verdict(WHAT, BAR, missing="-")
    )
    return [Result("added latency", list(series.values()), [verdict])]
