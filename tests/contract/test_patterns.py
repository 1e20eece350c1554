"""Every pattern takes time and memory linear in its input, because clients choose the input."""

import importlib
import pkgutil
import re
import tracemalloc
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import api
import common
from api.request.data_uris import decode_blob
from common.errors import InvalidBase64

CHARS = 400_000
WORST = {
    "letters": "a" * CHARS,
    "parameters of a data URI": "data:image/png" + ";a=b" * (CHARS // 4),
    "a data URI of escapes": "data:," + "%41" * (CHARS // 3),
    "a data URI of broken escapes": "data:," + "%" * CHARS,
    "base64 in escapes": "data:;base64," + "%41" * (CHARS // 3),
    "white space before a comma": "data:" + " " * CHARS + ",",
    "preferences": "a=b; " * (CHARS // 5),
    "white space": " " * CHARS,
    "quotes": '"' * CHARS,
    "backslashes": '"' + "\\" * CHARS,
    "digits": "1" * CHARS,
    "brackets": "[" * CHARS,
    "commas": "," * CHARS,
}
MANY = 20
"""Bytes of memory per character; a pattern that backtracks takes hundreds."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith(("conf", "wsgi", "tracing")):
            yield importlib.import_module(found.name)


PATTERNS: dict[str, re.Pattern[Any]] = {
    f"{module.__name__}.{name}": pattern
    for package in (api, common)
    for module in modules(package)
    for name, pattern in vars(module).items()
    if isinstance(pattern, re.Pattern)
}
SEARCHED = {"api.request.body.TOKEN", "api.request.items.NEVER_IN_URL"}


def memory_taken(name: str, text: str) -> int:
    """The peak memory in bytes, with a pattern used as in the product."""
    pattern = PATTERNS[name]
    given = text if isinstance(pattern.pattern, str) else text.encode()
    tracemalloc.start()
    try:
        if name in SEARCHED:
            for _ in pattern.finditer(given):
                pass
        else:
            pattern.match(given)
            pattern.fullmatch(given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("worst", WORST)
@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_pattern_is_linear_in_its_input(name: str, worst: str) -> None:
    assert memory_taken(name, WORST[worst]) < MANY * CHARS


@pytest.mark.parametrize("worst", WORST)
def test_an_image_is_decoded_within_its_own_size(worst: str) -> None:
    tracemalloc.start()
    try:
        decode_blob(WORST[worst])
    except InvalidBase64:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MANY * CHARS
