"""npm's `openai`, where Node is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import BASE64, TEXT, Expected, assert_same

SCRIPT = Path(__file__).with_name("openai.mjs")
NODE = shutil.which("node")
# `make test-clients` installs it into the same folder as this Python.
IS_THERE = NODE is not None and (Path(sys.prefix) / "node_modules" / "openai").is_dir()


@pytest.mark.skipif(not IS_THERE, reason="needs Node and npm")
def test_it_embeds_lists_models_and_raises_its_own_classes(
    services: Services, expected: Expected
) -> None:
    assert NODE
    own = {"PACKAGES": sys.prefix, "SERVICE": services.plain, "KEY": KEY}
    given = json.dumps([TEXT, {"image": BASE64}])
    ended = subprocess.run(
        [NODE, SCRIPT],
        env={**os.environ, **own, "INPUT": given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert_same(told["vectors"], [expected.text, expected.image])
    assert told["tokens"] > 0
    assert told["models"] == ["demo", "an-alias"]
    assert told["errors"] == ["BadRequestError", "NotFoundError", "AuthenticationError"]
