"""A running `python -m standalone`, which `make run` is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, wait_until

READY_S = 120
READY = "docs/tutorial.md\n"
"""The end of what it says when it is ready."""


class Run:
    """A running `python -m standalone`, its files in a folder of its own."""

    def __init__(self, folder: Path, name: str = "output", /, **settings: object) -> None:
        self.folder = folder
        self.output = folder / name
        temporary = folder / "t"
        temporary.mkdir(exist_ok=True)
        # Torch sets a variable of its own once it is imported, here too.
        ours_or_torchs = ("CLIP_", "TORCHINDUCTOR_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours_or_torchs)}
        ours = {f"CLIP_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**inherited, "TMPDIR": str(temporary), **ours}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "standalone"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def redis_url(self) -> str:
        """The URL of the embedded Valkey, as it is printed."""
        return self.text.partition("CLIP_REDIS_URL=")[2].partition(" ")[0]

    def wait_for(self, words: str) -> None:
        def is_said() -> bool:
            assert words in self.text or self.process.poll() is None, self.text
            return words in self.text

        wait_until(is_said, f"it says {words!r}", READY_S)

    def end_with(self, number: int) -> int:
        """Its exit status after this signal."""
        self.process.send_signal(number)
        return self.process.wait(40)

    def end(self) -> None:
        self.end_with(signal.SIGTERM)

    def left_behind(self) -> list[str]:
        """Temporary files, and processes that still have the folder in their environment."""
        files = [str(path) for path in (self.folder / "t").iterdir()]
        mark = f"TMPDIR={self.folder}/t".encode()
        processes = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    processes.append((path.parent / "cmdline").read_text())
            except OSError:
                continue
        return files + processes
