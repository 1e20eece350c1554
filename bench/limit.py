"""The bare model as a contender: a process that takes orders."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench.figures import Sample
from bench.images import Kind
from bench.orders import Order, Report
from bench.processes import ROOT, DidNotStart, Process

SIZES = (1, 2, 4, 8, 16, 32)
PASSES = 3


class Bare:
    """The bare model in its own process, at its best batch size."""

    def __init__(self, model: Path, dtype: str, kind: Kind, folder: Path, probe_s: float) -> None:
        command = [sys.executable, "-m", "bench.bare", str(model), dtype]
        command += [str(number) for number in (kind.width, kind.height, kind.grain)]
        log_path = folder / f"bare-{time.monotonic_ns()}.log"
        with log_path.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._process = Process("bare model", self._popen, log_path)
        try:
            self._answer()
            self.batch = self._best_batch(probe_s)
        except BaseException:
            self.stop()
            raise

    def resume(self) -> None:
        """Nothing to pause: it idles until it gets an order."""

    def pause(self) -> None:
        """Nothing to resume."""

    def stop(self) -> None:
        self._process.stop()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()

    def measure(self, connections: int, seconds: float, warm_s: float) -> Sample:
        """At its best batch size; however many connections the others are measured with."""
        del connections
        self.run(Order(self.batch, warm_s))
        return _sample(self.run(Order(self.batch, seconds)))

    def measure_single(self, seconds: float, warm_s: float) -> Sample:
        """One image at a time; the latencies are what one takes."""
        self.run(Order(1, warm_s))
        return _sample(self.run(Order(1, seconds)))

    def run(self, order: Order) -> Report:
        assert self._popen.stdin
        self._popen.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self._popen.stdin.flush()
        return Report(**json.loads(self._answer()))

    def _answer(self) -> bytes:
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        if not line:
            self._popen.wait()
            self._process.check()
            raise DidNotStart("the bare model closed its output")
        return line

    def _best_batch(self, probe_s: float) -> int:
        """The size with the best rate of several passes over all of them."""
        reports = [(size, self.run(Order(size, probe_s))) for _ in range(PASSES) for size in SIZES]
        return max(reports, key=lambda pair: pair[1].images / pair[1].seconds)[0]


def _sample(report: Report) -> Sample:
    return Sample(report.seconds, report.images, report.batches_s)
