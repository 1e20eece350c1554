"""A reader of the pages, who runs their blocks one after the other beside a real `make run`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.client.commands import on_terminal
from tests.docs.blocks import Block
from tests.image_server import ImageServer
from tests.processes import LOOPBACK_ALLOWED, ROOT, free_port
from tests.standalone.run import READY, Run

Shell = Literal["bash", "zsh"]
MAKE_RUN = "make run\n"
URL = "http://localhost:3000"
OWN_FOLDER = re.compile(r"unix://\S+/clip-api-\w+/")
SECRET = f"whsec_{'A' * 32}"


@dataclass(frozen=True, slots=True)
class Service:
    """What `make run` started, and what stands for example.org."""

    port: int
    said: str
    redis_url: str
    receiver: str


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    port = free_port()
    with ImageServer().running() as receiver:
        run = Run(folder, port=port, webhook_secret=SECRET, **LOOPBACK_ALLOWED)
        try:
            run.wait_for(READY)
            yield Service(port, run.text, run.redis_url, receiver.url)
        finally:
            run.end()


@dataclass(frozen=True, slots=True)
class Reader:
    """Runs blocks in a folder that looks like the checkout after `make run`."""

    folder: Path
    service: Service

    def prepare(self) -> None:
        for name in ("demo", "README.md", "docs"):
            (self.folder / name).symlink_to(ROOT / name)
        commands = self.folder / ".venv" / "bin"
        commands.mkdir(parents=True)
        modules = {"clip-api": "-m clip_api_client", "celery": "-m celery", "python3": ""}
        for name, arguments in modules.items():
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            command.chmod(0o755)
        (commands / "activate").write_text(f"export PATH={commands}:$PATH\n")
        (self.folder / "tmp").mkdir()

    def run(self, block: Block, shell: Shell) -> str:
        """What a block prints. Raises AssertionError if it fails."""
        if block.code == MAKE_RUN:
            return self._after_ready()
        code = self._translated(block.code)
        arguments, given = commands_of(shell, code)
        if block.language == "python":
            arguments, given = [sys.executable, "-W", "error", "-c", code], ""
        if shell == "bash" and is_for_terminal(block):
            seen = on_terminal(arguments, folder=self.folder, env=self._environment(), columns=100)
            assert seen.code == 0, f"{code}\n{seen.output}"
            return f"{seen.output.rstrip()}\n"
        ended = subprocess.run(
            arguments,
            input=given,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{code}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def _after_ready(self) -> str:
        """What `make run` printed once the service was ready."""
        said = self.service.said.replace(f"127.0.0.1:{self.service.port}", "127.0.0.1:3000")
        said = said.replace(f"{Path(sys.executable).parent}/", ".venv/bin/")
        said = OWN_FOLDER.sub("unix:///tmp/clip-api-…/", said)
        return said.partition(" s\n")[2].lstrip("\n")

    def _translated(self, code: str) -> str:
        ours = {
            "localhost:3000": f"localhost:{self.service.port}",
            "https://example.org": self.service.receiver,
            "/tmp/": f"{self.folder}/tmp/",
        }
        for name, real in ours.items():
            code = code.replace(name, real)
        return code

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CLIP_")}
        return {
            **inherited,
            "PATH": f"{self.folder / '.venv' / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'client'}:{ROOT}",
            "CLIP_API_URL": f"http://localhost:{self.service.port}",
            "CLIP_REDIS_URL": self.service.redis_url,
        }


def is_for_terminal(block: Block) -> bool:
    """Whether the client's command prints to the terminal, where it prints tables."""
    return "clip-api " in block.code and not re.search(r"[|>]", block.code)


def commands_of(shell: Shell, code: str) -> tuple[list[str], str]:
    """How code is run, and its standard input.

    zsh reads it as a user types it, without a configuration: an interactive zsh knows no comments.
    """
    if shell == "zsh":
        return ["zsh", "-f", "-i", "-s"], f"set -e -o pipefail\n{code}"
    return ["bash", "-euo", "pipefail", "-c", code], ""
