"""Run these tests: `python -m tests.packages PYTHON [ARGUMENTS OF PYTEST]`.

The service runs in this environment, the tests in that of PYTHON.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from standalone.valkey import EmbeddedValkey
from tests.packages.addresses import KEY, Services
from tests.processes import DEMO_MODEL, ROOT, start_api, start_worker, wait_for_workers

FOLDER = Path(__file__).parent
OPTIONS = (
    # The fixtures of the other tests need the service's packages.
    f"--confcutdir={FOLDER}",
    "--override-ini=pythonpath=",
    # The packages warn of each other.
    "--override-ini=filterwarnings=",
)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """One worker, and an API for each limit that a client must cope with."""
    with ExitStack() as ending:
        valkey = EmbeddedValkey(folder)
        valkey.start()
        ending.callback(valkey.stop)
        worker = start_worker(folder, valkey.url, DEMO_MODEL, model_name="demo")
        ending.callback(worker.stop)
        apis = [
            start_api(folder, valkey.url, api_keys=KEY, model_aliases="an-alias=demo", **limits)
            for limits in ({}, {"rate_limit": "2 per 2 seconds"}, {"max_open_items": 1})
        ]
        for api in apis:
            ending.callback(api.stop)
            api.session.headers["X-API-Key"] = KEY
        wait_for_workers(apis[0], [worker])
        yield Services(*(api.url for api in apis))


def main() -> int:
    python, *arguments = sys.argv[1:]
    # Short, because the name of a Unix socket may have 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="c") as folder, services(Path(folder)) as running:
        command = [python, "-m", "pytest", *OPTIONS, str(FOLDER), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **running.variables()}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
