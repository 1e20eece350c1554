"""The recipes of docs/clients.md work as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.addresses import KEY, Services

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text()
RECIPE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = RECIPE.findall(PAGE)


def test_every_recipe_shows_what_it_prints() -> None:
    assert len(RECIPES) == PAGE.count("```python") > 0


@pytest.mark.parametrize(("code", "shown"), RECIPES)
def test_a_recipe_works_as_printed(services: Services, code: str, shown: str) -> None:
    there = code.replace("http://localhost:3000", services.plain).replace("your-key", KEY)
    command = [sys.executable, "-c", there]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == shown
