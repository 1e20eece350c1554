"""Ends the service's processes when the one that started them was killed and could not.

`python -m standalone.watchdog FOLDER` reads process ids, one a line, from a pipe whose other end
only the starting process has: when the pipe ends before the watchdog is dismissed, that one died.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_TIMEOUT_S = 40.0
"""How long a process may take to end once it was asked to."""
POLL_S = 0.1


class Watchdog:
    """The watchdog, seen from the process that it watches. Raises OSError where it cannot run."""

    def __init__(self, folder: Path) -> None:
        """Have `folder` removed after all processes."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "standalone.watchdog", str(folder)],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def add(self, pid: int) -> None:
        """Have the session that this process leads ended before those added earlier."""
        if self._process.stdin:
            self._process.stdin.write(f"{pid}\n")

    def dismiss(self) -> None:
        """All have ended: their ids may soon be those of others."""
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
    """Signal a session's processes; False when there are none any more."""
    try:
        os.killpg(pid, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
