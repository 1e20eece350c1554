"""Processes of a contender: started, paused while others are measured, ended in order."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05


class DidNotStart(Exception):
    """A process ended, or was not ready in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process in a session of its own; what it writes goes to `log_path`."""

    name: str
    popen: subprocess.Popen[bytes]
    log_path: Path

    def check(self) -> None:
        """Raise DidNotStart when it has ended."""
        if self.popen.poll() is not None:
            log = self.log_path.read_text(errors="replace")[-2000:]
            raise DidNotStart(f"{self.name} ended with exit code {self.popen.returncode}:\n{log}")

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        self.resume()
        self.popen.terminate()

    def stop(self) -> None:
        """End it and whatever it started, in order if it can be."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(STOP_TIMEOUT_S)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        """To it and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def start(
    name: str,
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, object] | None = None,
) -> Process:
    """Start a command in the root of the repository. Nothing of CLIP_* is inherited."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CLIP_")}
    ours = {key: str(value) for key, value in (environment or {}).items()}
    log_path = folder / f"{name.replace(' ', '-')}-{time.monotonic_ns()}.log"
    with log_path.open("wb") as log:
        popen = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env={**inherited, **ours},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Process(name, popen, log_path)


def wait_until_ready(is_ready: Callable[[], bool], processes: Sequence[Process]) -> None:
    """Raises DidNotStart when one of the processes ends, or time runs out."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_ready():
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            names = ", ".join(process.name for process in processes)
            raise DidNotStart(f"{names}: not ready within {START_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
