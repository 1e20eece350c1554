"""Packages of npm, in Node."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("npm.mjs")


class NpmError(Exception):
    """An error of a package of npm, by the names of package and class."""

    def __init__(self, name: str, status_code: int) -> None:
        super().__init__(name, status_code)
        self.name = name
        self.status_code = status_code


def is_installed(package: str) -> bool:
    """Whether there is Node, and this package."""
    # `make test-clients` installs them into the same folder as this Python.
    return NODE is not None and (Path(sys.prefix) / "node_modules" / package).is_dir()


def run(task: str, **given: object) -> Any:
    """What a task of npm.mjs returns. Raises NpmError."""
    assert NODE
    ended = subprocess.run(
        [NODE, SCRIPT],
        input=json.dumps({"task": task, **given}),
        env={**os.environ, "PACKAGES": sys.prefix},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    if "error" in told:
        raise NpmError(f"{task.split(maxsplit=1)[0]}.{told['error']}", told["status"])
    return told["value"]
