"""What is set below Python, looked at in a process of its own."""

import os
import subprocess
import sys

# glibc keeps the first remainders of aligned blocks for small ones to come (seven of a size), and
# until then the next one may not fit where the last one was.
UNTIL_SETTLED = 50

MANY_TIMES = """
import resource, torch
from worker.model.cpu.runtime import keep_freed_memory, let_waiting_threads_sleep
{call}
for _ in range({until_settled}):
    torch.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def output_of(program: str, **environment: str) -> str:
    known = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def page_faults(call: str) -> int:
    return int(output_of(MANY_TIMES.format(call=call, until_settled=UNTIL_SETTLED)))


def test_freed_memory_is_reused_and_not_mapped_again() -> None:
    assert page_faults("") > 20 * 1000
    assert page_faults("keep_freed_memory()") < 1000


def test_threads_that_wait_sleep_unless_the_user_says_otherwise() -> None:
    program = (
        "import os, worker.model.cpu.runtime as r; r.let_waiting_threads_sleep();"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    assert output_of(program) == "PASSIVE"
    assert output_of(program, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"
