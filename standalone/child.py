"""A process of the service and its log."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, Any

import structlog

from common import logs
from standalone.progress import LineReader
from standalone.settings import ROOT, StandaloneSettings
from standalone.watchdog import STOP_TIMEOUT_S, Watchdog

LEVELS = ("debug", "info", "warning", "error", "critical")
LAST_LINES_S = 2.0
MEGABYTE = 1_000_000


class ChildLog:
    """The log of a process that writes JSON lines, at level info or below.

    Other lines of a noisy process are from libraries, or say why it ends. Until the service is
    ready they are held back, and shown only if the process ends.
    """

    def __init__(
        self, stream: IO[str], settings: StandaloneSettings, *, is_noisy: bool = True
    ) -> None:
        self.stage: str | None = "importing torch"
        self._reader = LineReader(stream)
        self._level = LEVELS.index(settings.log_level)
        holds = is_noisy and settings.log_level not in ("debug", "info")
        self._held: list[str] | None = [] if holds else None
        as_text = logs.is_text(settings.log_format)
        self._renderer = (
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if as_text else None
        )

    def new_lines(self) -> list[str]:
        """The lines to show since the last call; also brings `stage` up to date."""
        shown: list[str] = []
        for line in self._reader.new():
            event = _event(line)
            if event is None:
                (shown if self._held is None else self._held).append(line)
                continue
            self.stage = stage_after(event, self.stage)
            level = event.get("level")
            if level not in LEVELS or LEVELS.index(level) >= self._level:
                shown.append(str(self._renderer(None, "", event)) if self._renderer else line)
        return shown

    def last_lines(self) -> list[str]:
        """The lines to show when the process has ended by itself."""
        lines = self.remaining_lines()
        return (self._held or []) + lines

    def remaining_lines(self) -> list[str]:
        """The lines to show when the process was stopped."""
        self._reader.finish(LAST_LINES_S)
        return self.new_lines()

    def forget_held(self) -> None:
        """The service is ready: drop what was held back, and hold no more."""
        self._held = None


class PipedProcess(subprocess.Popen[str]):
    stdout: IO[str]


@dataclass(frozen=True, slots=True)
class Child:
    """A child process in its own session, so that Ctrl-C reaches only this process."""

    name: str
    process: PipedProcess
    log: ChildLog

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_process(
    watchdog: Watchdog, arguments: list[str], environment: dict[str, str]
) -> PipedProcess:
    """Start Python with one pipe for all that it writes."""
    process = PipedProcess(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    watchdog.add(process.pid)
    return process


def stage_after(event: dict[str, Any], stage: str | None) -> str | None:
    """What a worker does after this event of its log; None if it is ready."""
    match event.get("event"):
        case "model_fetching":
            return "looking for its files on the hub"
        case "model_downloading":
            return f"downloading{_share(event.get('bytes'), event.get('of_bytes'))}"
        case "model_loading":
            return "loading weights"
        case "model_loaded":
            return "warming up"
        case "worker_ready":
            return None
    return stage


def _share(done: object, total: object) -> str:
    if not isinstance(done, int | float) or not isinstance(total, int | float):
        return ""
    return f" {done / MEGABYTE:,.0f} of {total / MEGABYTE:,.0f} MB"


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
