"""Outputs that pages show: compared with real ones, and made of real ones.

`…` in a shown string or line stands for anything. Numbers may differ a little, because not all
processors round alike, and the times of jobs (`queue_s`) by any amount. A job that is shown as
queued may have got further.
"""

import json
import re
from typing import Any

from tests.docs.blocks import Output

ANYTHING = "…"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SHARE = 0.02
PERCENT = 2
AFTER_QUEUED = ("running", "done")
WIDTH = 100


def is_shown(shown: Output, printed: str) -> bool:
    """Whether a page shows what was printed."""
    if shown.language == "json":
        return is_same(json.loads(shown.text), json.loads(printed))
    ours, theirs = shown.text.splitlines(), printed.splitlines()
    return len(ours) == len(theirs) and all(map(is_same_line, ours, theirs))


def is_same(shown: Any, real: Any, key: str = "") -> bool:
    if isinstance(shown, dict) and isinstance(real, dict):
        return list(shown) == list(real) and all(
            is_same(value, real[name], name) for name, value in shown.items()
        )
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(is_same, shown, real))
    if isinstance(shown, str) and isinstance(real, str):
        return matches(shown, real) or (shown == "queued" and real in AFTER_QUEUED)
    if is_number(shown) and is_number(real):
        return key.endswith("_s") or is_close(shown, real)
    return type(shown) is type(real) and bool(shown == real)


def is_same_line(shown: str, real: str) -> bool:
    if matches(shown, real):
        return True
    numbers = [[float(number) for number in NUMBER.findall(line)] for line in (shown, real)]
    # Without bars and the width of columns, which follow from the numbers.
    words = [NUMBER.sub("0", line).replace("█", "").split() for line in (shown, real)]
    return words[0] == words[1] and all(map(is_close, *numbers))


def matches(shown: str, real: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, shown.split(ANYTHING))), real, re.DOTALL))


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_close(one: float, other: float) -> bool:
    return abs(one - other) <= (SHARE if max(abs(one), abs(other)) <= 1 else PERCENT)


def renewed(shown: Output, printed: str) -> str:
    """What the page is to show of this output: as printed, but for what it shows as `…`."""
    if shown.language == "json":
        return wrapped(_kept(json.loads(shown.text), json.loads(printed))) + "\n"
    old = shown.text.splitlines()
    new = [
        next((line for line in old if ANYTHING in line and matches(line, real)), real)
        for real in printed.splitlines()
    ]
    return "".join(f"{line.rstrip()}\n" for line in new)


def _kept(shown: Any, real: Any, key: str = "") -> Any:
    """The real value, with the variable parts as they are shown."""
    if isinstance(real, dict) and isinstance(shown, dict):
        return {name: _kept(shown.get(name), value, name) for name, value in real.items()}
    if isinstance(real, list) and isinstance(shown, list):
        return [
            _kept(shown[place] if place < len(shown) else None, value)
            for place, value in enumerate(real)
        ]
    is_variable = (
        isinstance(shown, str) and (ANYTHING in shown or shown == "queued")
    ) or key.endswith("_s")
    return shown if is_variable and is_same(shown, real, key) else real


def wrapped(value: Any, indent: int = 0) -> str:
    """JSON in lines of at most WIDTH characters, if it can be broken there."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    if isinstance(value, dict):
        names = [f"{json.dumps(key)}: " for key in value]
        entries = [
            name + wrapped(entry, indent + 1 + len(name))
            for name, entry in zip(names, value.values(), strict=True)
        ]
    else:
        entries = [wrapped(entry, indent + 1) for entry in value]
    return line[0] + f",\n{' ' * (indent + 1)}".join(entries) + line[-1]
