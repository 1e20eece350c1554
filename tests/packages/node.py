"""Scripts for Node, with a package of npm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packages.addresses import KEY, Services

NODE = shutil.which("node")


def needs(package: str) -> pytest.MarkDecorator:
    """Skip a test without Node, or without a package of npm."""
    # `make test-clients` installs them into the same folder as this Python.
    is_there = NODE is not None and (Path(sys.prefix) / "node_modules" / package).is_dir()
    return pytest.mark.skipif(not is_there, reason="needs Node and npm")


def told_by(script: str, services: Services, **given: str) -> Any:
    """The JSON that a script of this folder prints."""
    assert NODE
    own = {"PACKAGES": sys.prefix, "SERVICE": services.plain, "KEY": KEY}
    ended = subprocess.run(
        [NODE, Path(__file__).with_name(script)],
        env={**os.environ, **own, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
