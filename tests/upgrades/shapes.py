"""What records look like, whatever they say: the names of their fields, and the kinds of values."""

import base64
import re
from typing import Any, TypeAlias

import orjson

from tests.upgrades.snapshot import BYTES, Snapshot

Shape: TypeAlias = Any
NAMES = re.compile(r"[0-9a-f]{16,64}(-[0-9a-f]{16})?|(?<=:)\d+|worker-1-abcdef")


def shapes(snapshot: Snapshot) -> dict[str, list[Shape]]:
    """The shapes of the values under each kind of key, such as `clip:part:*:*`."""
    found: dict[str, list[Shape]] = {}
    for key, entry in snapshot.items():
        shape = [entry["type"], _of_entry(entry)]
        known = found.setdefault(_nameless(key), [])
        if shape not in known:
            known.append(shape)
    return found


def serves_for(now: Shape, then: Shape) -> bool:
    """Whether who reads the one by name finds all that it knows in the other.

    Lists must be as long; one that is empty tells nothing of its members.
    """
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and serves_for(now[name], then[name]) for name in then)
    if isinstance(then, list) and isinstance(now, list):
        if not then or not now:
            return True
        return len(now) == len(then) and all(map(serves_for, now, then))
    return bool(now == then)


def _of_entry(entry: dict[str, Any]) -> Shape:
    value = entry["value"]
    match entry["type"]:
        case "hash":
            return {_nameless(name): _of_text(text) for name, text in value.items()}
        case "zset":
            return sorted({_nameless(member) for member in value})
        case "list":
            return [_of_message(orjson.loads(text)) for text in value[:1]]
        case _:
            return _of_text(value)


def _of_text(text: str) -> Shape:
    if text.startswith(BYTES):
        return "bytes"
    try:
        return _of(orjson.loads(text))
    except orjson.JSONDecodeError:
        return "text"


def _of_message(envelope: dict[str, Any]) -> Shape:
    """A message's body is told to the letter: workers of format 1 took no options but one."""
    arguments, options, signatures = orjson.loads(base64.b64decode(envelope["body"]))
    return {**_of(envelope), "body": [_of(arguments), *sorted(options), *sorted(signatures)]}


def _of(value: object) -> Shape:
    if isinstance(value, dict):
        return {name: _of(each) for name, each in value.items()}
    if isinstance(value, list):
        members = [_of(each) for each in value]
        is_row = any(isinstance(each, str) for each in value)
        alike = all(member == members[0] for member in members) and not is_row
        return members[:1] if alike else members
    if isinstance(value, str):
        return "text"
    return "number" if type(value) in (int, float) else type(value).__name__


def _nameless(name: str) -> str:
    return "bytes" if name.startswith(BYTES) else NAMES.sub("*", name)
