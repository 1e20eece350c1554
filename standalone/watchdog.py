"""Stops the service's processes if the process that started them was killed.

`python -m standalone.watchdog FOLDER` reads process ids, one per line, from a pipe whose other end
only the starting process has: if the pipe closes before the watchdog is dismissed, it has died.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_TIMEOUT_S = 40.0
"""How long a process may take to end after SIGTERM."""
POLL_S = 0.1


class Watchdog:
    """The watchdog, from the side of the watched process. Raises OSError if it cannot run."""

    def __init__(self, folder: Path) -> None:
        """Start the watchdog; it removes `folder` after stopping all processes."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "standalone.watchdog", str(folder)],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def add(self, pid: int) -> None:
        """Add the session of this process; it is stopped before those added earlier."""
        if self._process.stdin:
            self._process.stdin.write(f"{pid}\n")

    def dismiss(self) -> None:
        """Stop the watchdog once all processes have ended, because their ids may be reused."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    pids = [int(line) for line in sys.stdin]
    for pid in reversed(pids):
        _end(pid)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_TIMEOUT_S
        is_alive = _send(pid, number)
        while is_alive and time.monotonic() < deadline:
            time.sleep(POLL_S)
            is_alive = _send(pid, 0)
        if not is_alive:
            return


def _send(pid: int, number: int) -> bool:
    """Signal the processes of a session; False if there are none left."""
    try:
        os.killpg(pid, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
