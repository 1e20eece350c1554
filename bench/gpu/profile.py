"""Profiles a Python process with py-spy."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SECONDS = 4
RATE = 200
TOP = 12
DIGITS = re.compile(r"[-_]?\d+(_\d+)?$")
THREAD = re.compile(r"^thread \((?:0x)?[0-9A-Fa-f]+\)(?:: )?")


class Profile:
    """Samples of the threads that hold the GIL in a process, from now on."""

    def __init__(self, pid: int, path: Path) -> None:
        self._path = path
        command = ["py-spy", "record", "--gil", "--threads", "--format", "raw", "--nonblocking"]
        command += ["--rate", str(RATE), "--duration", str(SECONDS)]
        self._recorder = subprocess.Popen(
            [*command, "--pid", str(pid), "--output", path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def shares(self) -> Iterator[tuple[str, str]]:
        """By thread, by what runs, and by which line of ours it runs for."""
        _, said = self._recorder.communicate(timeout=30)
        if not self._path.exists():
            yield "py-spy", said.strip()[-300:]
            return
        by_thread: Counter[str] = Counter()
        by_frame: Counter[str] = Counter()
        by_ours: Counter[str] = Counter()
        for line in self._path.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            thread, *frames = stack.split(";")
            by_thread[DIGITS.sub("", THREAD.sub("", thread))] += int(count)
            by_frame[frames[-1] if frames else ""] += int(count)
            ours = [frame for frame in frames if re.search(r"\((worker|api|common)/", frame)]
            by_ours[ours[-1] if ours else "elsewhere"] += int(count)
        yield "samples with the lock held", f"{sum(by_thread.values())} of {RATE * SECONDS}"
        for name, counts in (("thread", by_thread), ("frame", by_frame), ("our line", by_ours)):
            yield f"lock by {name}", _shares(counts)


def _shares(counts: Counter[str]) -> str:
    total = sum(counts.values()) or 1
    return "; ".join(f"{name} {count / total:.0%}" for name, count in counts.most_common(TOP))
