"""Last step: whether every way through CUDA works, as tests/gpu says."""

import re
import subprocess
import sys

from bench.gpu.figure import obey_signals, report
from bench.processes import ROOT

ENDED = re.compile(r"tests/gpu/(\w+)\.py::(.+?) (PASSED|FAILED|ERROR|SKIPPED)\b")


def main() -> int:
    obey_signals()
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-vv", "--tb=short", "--durations=8"]
    # What libraries of other releases warn of is no fault of the card.
    command += ["-W", "default", "-o", "addopts=-p no:cacheprovider"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tests:
        assert tests.stdout
        for line in tests.stdout:
            print(line.rstrip(), flush=True)
            ended = ENDED.match(line)
            if ended:
                report(f"{ended[1]}: {ended[2]}", ended[3].lower())
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
