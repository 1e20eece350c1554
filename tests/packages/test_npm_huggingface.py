"""npm's `@huggingface/inference`, where Node is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import OTHER, SAMPLES, TEXT, Expected, assert_same

SCRIPT = Path(__file__).with_name("huggingface.mjs")
NODE = shutil.which("node")
# `make test-clients` installs it into the same folder as this Python.
IS_THERE = NODE is not None and (Path(sys.prefix) / "node_modules" / "@huggingface").is_dir()


@pytest.mark.skipif(not IS_THERE, reason="needs Node and npm")
def test_it_classifies_images_and_raises_its_own_class(
    services: Services, expected: Expected
) -> None:
    assert NODE
    own = {"PACKAGES": sys.prefix, "SERVICE": services.plain, "KEY": KEY}
    given = {"IMAGE": str(SAMPLES / "cat.png"), "TEXT": TEXT, "OTHER": OTHER}
    ended = subprocess.run(
        [NODE, SCRIPT],
        env={**os.environ, **own, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert [each["label"] for each in told["classes"]] == [TEXT, OTHER]
    assert sum(each["score"] for each in told["classes"]) == pytest.approx(1, abs=1e-4)
    assert_same(told["features"], [expected.text, expected.other])
    assert told["errors"] == [["InferenceClientProviderApiError", 400 + n] for n in (0, 4, 1)]
