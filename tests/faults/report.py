"""Do every fault under load and print what became of the jobs: `python -m tests.faults.report`.

With `--minutes N` it starts over again until they have passed (`make soak`); ends with status 1 as
soon as a job is lost, fails, or has a wrong answer.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.scenarios import SCENARIOS

HEAD = (
    "| fault | accepted | done | failed | lost | executed twice | slowest sync | slowest async | "
    "refused | MB more |"
)


def run_all() -> bool:
    """Print a table. Returns whether every accepted job was done right."""
    print(f"{HEAD}\n|{'---|' * 10}", flush=True)
    all_well = True
    for name, scenario in SCENARIOS.items():
        # Short: the name of a Unix socket may have 107 characters at most.
        with tempfile.TemporaryDirectory(prefix="f") as folder:
            tally = scenario(Path(folder))
        print(f"| {name} | {tally.row()} |", flush=True)
        all_well &= tally.is_well
    return all_well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0)
    ends = time.monotonic() + parser.parse_args().minutes * 60
    while run_all():
        if time.monotonic() > ends:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
