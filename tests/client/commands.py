"""The command line, run as a user runs it."""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.forked import Forked, Streams, run_forked
from tests.processes import ROOT

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PARTS = re.compile(rf"{CONTROL.pattern}|[\r\n]|[^\r\n\x1b]+|\x1b")
MODULE = ("-m", "clip_api_client")
COMMAND = [sys.executable, *MODULE]
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it wrote where; on a terminal, `output` has both."""

    code: int
    output: str
    errors: str = ""

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


Command = Callable[..., Ended]


def environment(**ours: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CLIP_")}
    return {**inherited, "PYTHONPATH": str(ROOT / "client"), "PYTHONIOENCODING": "utf-8", **ours}


def run(*arguments: object, folder: Path, env: Mapping[str, str], given: str = "") -> Ended:
    """Run it in a pipe: in a fork, which has imported it. That it starts is seen with `COMMAND`."""
    ended = run_forked([*MODULE, *map(str, arguments)], folder, env, given=given)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def run_on_terminal(
    *arguments: object, folder: Path, env: Mapping[str, str], columns: int = 80
) -> Ended:
    """Run it on a pseudo-terminal, in a fork."""

    def start(terminal: int, sized: Mapping[str, str]) -> Forked:
        path = Path(os.ttyname(terminal))
        return Forked([*MODULE, *map(str, arguments)], folder, sized, Streams(path, path, path))

    return _seen(start, env, columns)


def on_terminal(command: list[str], *, folder: Path, env: Mapping[str, str], columns: int) -> Ended:
    """Run a command on a pseudo-terminal, which gets its output and its errors."""

    def start(terminal: int, sized: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=sized,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )

    return _seen(start, env, columns)


def _seen(
    start: Callable[[int, Mapping[str, str]], Forked | subprocess.Popen[bytes]],
    env: Mapping[str, str],
    columns: int,
) -> Ended:
    """How what was started on a terminal ended, and what it wrote there."""
    ours, theirs = pty.openpty()
    sized = {**env, "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color"}
    process = start(theirs, sized)

    def close_when_ended() -> None:
        try:
            process.wait(TIMEOUT_S)
        finally:
            os.close(theirs)

    waiting = threading.Thread(target=close_when_ended)
    waiting.start()
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:
        pass  # the other end was closed
    waiting.join()
    os.close(ours)
    return Ended(process.wait(TIMEOUT_S), _shown(seen.decode()))


def _shown(raw: str) -> str:
    """What stays on the screen, which is as high as it needs to be."""
    screen, row, column = [""], 0, 0
    for part in PARTS.findall(raw):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            screen += [""] * (row + 1 - len(screen))
        elif part == "\x1b[1A":
            row -= 1
        elif part.endswith("K"):
            screen[row] = ""
        elif not CONTROL.fullmatch(part):
            screen[row] = screen[row][:column].ljust(column) + part
            column += len(part)
    return "\n".join(screen)
