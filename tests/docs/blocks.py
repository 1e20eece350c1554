"""The code blocks of a page, and the output that the page shows after them."""

import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.processes import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "python")
SHOWN = ("json", "text")
CLIENT = ROOT / "client" / "README.md"
PAGES = sorted([ROOT / "README.md", CLIENT, *(ROOT / "docs").glob("**/*.md")])


@dataclass(frozen=True, slots=True)
class Output:
    """The output that a page shows, and where in its text."""

    language: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A code block to run."""

    language: str
    code: str
    output: Output | None


def blocks(text: str) -> list[Block]:
    """What a page has to run. Other blocks (settings, drawings) are not."""
    found = list(FENCED.finditer(text))
    runnable = []
    for block, following in zip_longest(found, found[1:]):
        if block[1] not in RUN:
            continue
        is_output = (
            following is not None
            and following[1] in SHOWN
            and not text[block.end() : following.start()].strip()
        )
        output = Output(following[1], following[2], *following.span(2)) if is_output else None
        runnable.append(Block(block[1], block[2], output))
    return runnable


def codes(language: str, pages: list[Path]) -> list[str]:
    """The code of all blocks of a language."""
    return [
        block.code
        for page in pages
        for block in blocks(page.read_text())
        if block.language == language
    ]
