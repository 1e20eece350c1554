"""The names of everything that a service stores in Redis."""

import re
from dataclasses import dataclass

DEFAULT_PREFIX = "clip:"
PREFIX = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
"""Without quotes and backslashes: the prefix becomes part of the Lua scripts."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Names that begin with the prefix of one service, because others may share its Redis."""

    prefix: str = DEFAULT_PREFIX

    def __call__(self, *words: str) -> str:
        """The name of a key or channel: `clip:job:ID`."""
        return self.prefix + ":".join(words)


KEYS = Keys()
