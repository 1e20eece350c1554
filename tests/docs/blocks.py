"""The code blocks of a page, run one after the other as a reader would."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.processes import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "python")
SHOWN = ("json", "text")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])
NUMBER = re.compile(r"\d+(\.\d+)?")
LEFT_OUT = "..."


@dataclass(frozen=True)
class Block:
    """A code block, and the output that the page shows right after it."""

    language: str
    code: str
    output: str = ""
    output_language: str = ""


def blocks(page: Path) -> list[Block]:
    """What a page has to run. Other blocks (settings, images made of characters) are not."""
    text = page.read_text()
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
        shown = (following[2], following[1]) if is_output else ()
        runnable.append(Block(block[1], block[2], *shown))
    return runnable


@dataclass(frozen=True)
class Reader:
    """Runs blocks in a folder; `instead` says what stands for hosts and ports of the page."""

    folder: Path
    instead: Mapping[str, str]
    redis_url: str

    def prepare(self) -> None:
        """What a reader has at hand: the checkout, and the client installed."""
        for name in ("demo", "README.md", "docs"):
            (self.folder / name).symlink_to(ROOT / name)
        commands = self.folder / ".bin"
        commands.mkdir()
        modules = {"clip-api": "-m clip_api_client", "celery": "-m celery", "python3": ""}
        for name, arguments in modules.items():
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            command.chmod(0o755)

    def run(self, block: Block) -> str:
        """Returns standard output. Raises AssertionError where the block fails."""
        code = block.code
        for name, real in self.instead.items():
            code = code.replace(name, real)
        shell = ["bash", "-euo", "pipefail", "-c"]
        arguments = [*shell, code] if block.language == "bash" else [sys.executable, "-c", code]
        environment = {
            **os.environ,
            "PATH": f"{self.folder / '.bin'}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'client'}:{ROOT}",
            "CLIP_API_URL": self.instead.get("http://localhost:3000", ""),
            "CLIP_REDIS_URL": self.redis_url,
        }
        ended = subprocess.run(
            arguments,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{code}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout


def check_output(block: Block, printed: str) -> None:
    """Check that a block printed what the page shows, but for numbers and what `...` leaves out."""
    if block.output_language == "json":
        shown, answered = json.loads(block.output), json.loads(printed)
        assert shape(shown) == shape(answered), f"{block.code}\n{block.output}\n{printed}"
    elif block.output:
        shown_lines, lines = block.output.splitlines(), printed.splitlines()
        if shown_lines[-1] == LEFT_OUT:
            shown_lines = shown_lines[:-1]
            lines = lines[: len(shown_lines)]
        assert [words(line) for line in shown_lines] == [words(line) for line in lines], printed


def shape(value: Any) -> Any:
    """JSON without its strings and numbers."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return type(None) if value is None else (int if isinstance(value, float) else type(value))


def words(line: str) -> list[str]:
    return NUMBER.sub("0", line).split()


def commands(pages: list[Path]) -> Iterator[str]:
    for page in pages:
        yield from (block.code for block in blocks(page))
