"""API keys in the settings: checked when the process starts, never printed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from common.settings import words

MIN_CHARS = 16
VISIBLE = re.compile(r"[!-~]+")  # what a header carries unchanged


def _given(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _checked(words(value)) if value.strip() else ()


def _read(path: object) -> object:
    if not isinstance(path, str):
        return path
    if not path:
        return ()
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not text") from None
    keys = [line.strip() for line in lines]
    return _checked([key for key in keys if key and not key.startswith("#")])


def _checked(keys: Sequence[str]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("it contains no key")
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_CHARS:
            raise ValueError(f"key {number} has fewer than {MIN_CHARS} characters")
        if not VISIBLE.fullmatch(key):
            raise ValueError(f"key {number} has characters that are not visible ASCII")
    return tuple(keys)


# Keys in the variable itself, separated by commas or white space.
ApiKeys: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_given)]
# Keys in the file that the variable names: one per line; lines that start with # are comments.
ApiKeysFile: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_read)]
