"""Processes forked from one that has imported the service: a worker starts seconds sooner."""

import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

TIMEOUT_S = 60.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.preloaded"])


@dataclass(frozen=True, slots=True)
class Streams:
    """The files, or the terminal, of a process."""

    output: Path
    errors: Path
    given: Path = Path(os.devnull)

    def take(self) -> None:
        """Be a process of these streams."""
        for stream, path in enumerate((self.given, self.output, self.errors)):
            opened = os.open(path, os.O_RDWR | os.O_APPEND if stream else os.O_RDONLY)
            os.dup2(opened, stream)
            os.close(opened)
        # Those of the fork server look at no terminal, and read nothing.
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)


class Forked:
    """`python -m MODULE ARGUMENTS`, in a fork; what tests need of subprocess.Popen."""

    def __init__(
        self,
        arguments: list[str],
        folder: Path,
        environment: Mapping[str, str],
        streams: Streams,
        *,
        is_daemon: bool = True,
    ) -> None:
        """A daemon is ended with the tests, should one forget to, but may have no children."""
        self._process: ForkServerProcess = _context.Process(
            target=_run, args=(arguments, folder, dict(environment), streams), daemon=is_daemon
        )
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self._process.exitcode

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def run_forked(
    arguments: list[str], folder: Path, environment: Mapping[str, str], *, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE ARGUMENTS` in a fork, to its end."""
    with tempfile.TemporaryDirectory() as place:
        streams = Streams(Path(place, "out"), Path(place, "err"), Path(place, "in"))
        streams.given.write_text(given, encoding="utf-8")
        for path in (streams.output, streams.errors):
            path.touch()
        code = Forked(arguments, folder, environment, streams).wait(TIMEOUT_S)
        texts = [path.read_text(encoding="utf-8") for path in (streams.output, streams.errors)]
    return subprocess.CompletedProcess(arguments, code, *texts)


def _run(arguments: list[str], folder: Path, environment: dict[str, str], streams: Streams) -> None:
    os.setsid()
    # A shell makes what it runs in the background ignore Ctrl-C, and so tests that run there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    streams.take()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if any(name.startswith("HF_") for name in environment):
        _read_hub_settings()
    _, module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _read_hub_settings() -> None:
    """Read HF_ENDPOINT, HF_HOME and others again: the hub's library does so when it is imported."""
    constants = importlib.reload(importlib.import_module("huggingface_hub.constants"))
    importlib.import_module("huggingface_hub.hf_api").api.endpoint = constants.ENDPOINT
