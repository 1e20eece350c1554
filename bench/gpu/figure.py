"""What a step found, as one line of JSON for each figure, read by the process that started it."""

import json
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import FrameType

MARK = "figure "
"""How such a line begins."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or some words, about one model or, where `model` is empty, about the machine."""

    what: str
    value: float | str
    unit: str = ""
    model: str = ""

    @property
    def shown(self) -> str:
        if isinstance(self.value, str):
            return self.value
        digits = 0 if abs(self.value) >= 100 else 2 if abs(self.value) >= 1 else 6  # noqa: PLR2004
        return f"{self.value:,.{digits}f} {self.unit}".strip()


def report(what: str, value: float | str, unit: str = "", model: str = "") -> None:
    """Print a figure at once, because the step may be ended before its next one."""
    print(MARK + json.dumps(asdict(Figure(what, value, unit, model))), flush=True)


def parsed(line: str) -> Figure | None:
    return Figure(**json.loads(line.removeprefix(MARK))) if line.startswith(MARK) else None


def attempt(what: str, measure: Callable[[], None], model: str = "") -> None:
    """An error costs this measurement alone."""
    try:
        measure()
    except Exception as error:  # noqa: BLE001 - the next measurement is of something else
        traceback.print_exc(file=sys.stdout)
        report(what, f"FAILED: {type(error).__name__}: {str(error)[:300]}", model=model)


def obey_signals() -> None:
    """Whatever ends a step must end what it has started."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
