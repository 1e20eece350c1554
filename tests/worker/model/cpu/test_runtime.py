"""What is set before torch is loaded, looked at in a process of its own."""

import os
import subprocess
import sys

import pytest

from tests.processes import DEMO_MODEL

PROGRAM = """
import os, sys, worker.__main__ as entry
def tell():
    print(os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules)
    sys.exit()
entry.process.load = tell
entry.main()
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


@pytest.mark.parametrize(
    ("environment", "policy"),
    [
        ({}, "PASSIVE"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
        ({"CLIP_CPU_ACCELERATION": "off"}, "None"),
    ],
)
def test_threads_that_wait_sleep_unless_the_user_says_otherwise(
    environment: dict[str, str], policy: str
) -> None:
    printed = output_of(PROGRAM, CLIP_MODEL=str(DEMO_MODEL), **environment)
    assert printed == f"{policy} False"
