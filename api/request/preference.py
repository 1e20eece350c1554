"""Whether a client waits, and for how long: `Prefer` (RFC 7240) and `?wait=`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from api.errors import InvalidRequest, ItemFault
from common.protocol.messages import Priority

# Every repetition is possessive: no header may cause exponential backtracking.
WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
VALUE = rf'{WORD}|"(?:[^"\\]|\\.)*+"'
PARAMETER = rf"\s*+;\s*+(?:{WORD}(?:\s*+=\s*+(?:{VALUE}))?)?"
PREFERENCE = re.compile(
    rf"\s*+(?P<name>{WORD})(?:\s*+=\s*+(?P<value>{VALUE}))?(?:{PARAMETER})*+\s*+(?:,|$)|\s*+,"
)
# A JSON number of limited length.
SECONDS = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preference:
    """How long the client waits; a bulk request gets a job if the answer takes longer."""

    priority: Priority
    wait_s: float

    @property
    def is_async(self) -> bool:
        """Whether the client accepts a job as the answer."""
        return self.priority is Priority.BULK


def parse_prefer(headers: Iterable[str]) -> dict[str, str]:
    """The preferences of one or more `Prefer` headers, by name in lower case.

    The first of repeated preferences counts, parameters are skipped, and the rest of a header is
    ignored from a syntax error on: a server may ignore preferences (RFC 7240, 2).
    """
    preferences: dict[str, str] = {}
    for header in headers:
        position = 0
        while position < len(header):
            match = PREFERENCE.match(header, position)
            if match is None:
                break
            position = match.end()
            if match["name"]:
                preferences.setdefault(match["name"].lower(), _unquoted(match["value"] or ""))
    return preferences


def preference(headers: Iterable[str], wait: str | None, longest_s: float) -> Preference:
    """The preference in the headers and the query parameter `wait`, which takes precedence.

    Raises:
        InvalidRequest: `wait` is not a number of seconds.
    """
    if wait is not None:
        return Preference(Priority.BULK, parse_wait(wait, longest_s))
    preferences = parse_prefer(headers)
    if "respond-async" not in preferences:
        return Preference(Priority.INTERACTIVE, longest_s)
    seconds = preferences.get("wait", "")
    wait_s = min(float(seconds), longest_s) if re.fullmatch(r"\d{1,9}", seconds) else 0.0
    return Preference(Priority.BULK, wait_s)


def parse_wait(wait: str, longest_s: float) -> float:
    """The query parameter `wait` in seconds, capped at the longest wait."""
    if not SECONDS.fullmatch(wait) or float(wait) < 0:
        fault = ItemFault("", "invalid_parameter", "parameter wait must be a number of seconds")
        raise InvalidRequest([fault], fault.detail)
    return min(float(wait), longest_s)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
