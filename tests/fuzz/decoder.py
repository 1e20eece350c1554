"""Throw mutated images at the decoder: `python -m tests.fuzz.decoder --inputs 100000 --seed 1`.

They are decoded in another process, so that one that crashes or hangs is told by its number; give
that to `--first` with the same seed to try it alone. Ends with status 1 when there was any.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from common.errors import ItemError
from tests.fuzz.mutations import mutated
from tests.hostile_images import CORPUS, DECODED
from worker.images.decode import EncodedImage
from worker.images.limits import Limits

LIMITS = Limits(max_pixels=1_000_000, max_frames=100)
LIMIT_S = 10.0
START_S = 60.0
LARGEST_SEED = 20_000


def corpus() -> list[bytes]:
    contents = [hostile.build() for hostile in CORPUS]
    return [content for content in contents if 0 < len(content) <= LARGEST_SEED]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an input. Anything but DECODED and the code of an ItemError is a bug."""

    outcome: str
    is_clean: bool
    seconds: float
    memory_bytes: int


def attempt(content: bytes) -> Verdict:
    started = time.monotonic()
    try:
        image = EncodedImage.open(content, LIMITS)
        if len(content) % 2:
            image.shrink((1, 1))
        image.decode()
        outcome, is_clean = DECODED, True
    except ItemError as error:
        outcome, is_clean = error.code, True
    except BaseException as error:  # noqa: BLE001 - which is what is looked for
        outcome, is_clean = repr(error), False
    return Verdict(outcome, is_clean, time.monotonic() - started, memory_bytes())


def memory_bytes() -> int:
    """What this process holds in memory; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else 0


def serve(connection: Connection, seed: int) -> None:
    """Try the inputs whose numbers come in; the work of the other process."""
    # libtiff tells of every error there, and no one can stop it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    contents = corpus()
    connection.send(None)
    while (number := connection.recv()) is not None:
        connection.send(attempt(mutated(contents, seed, number)))


class Target:
    """The other process; a new one after each crash or hang."""

    def __init__(
        self, seed: int, serve: Callable[[Connection, int], None] = serve, limit_s: float = LIMIT_S
    ) -> None:
        self._seed = seed
        self._serve = serve
        self._limit_s = limit_s
        self._start()

    def attempt(self, number: int) -> Verdict:
        self._connection.send(number)
        outcome = "hangs"
        try:
            if self._connection.poll(self._limit_s):
                verdict: Verdict = self._connection.recv()
                return verdict
        except EOFError:
            self._process.join()
            outcome = f"crashes with {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        self._start()
        return Verdict(outcome, is_clean=False, seconds=self._limit_s, memory_bytes=0)

    def end(self) -> None:
        self._connection.send(None)
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=self._serve, args=(other, self._seed), daemon=True)
        self._process.start()
        other.close()
        if not self._connection.poll(START_S):
            raise TimeoutError("the process that decodes does not start")
        self._connection.recv()


@dataclass(slots=True)
class Tally:
    """What became of all inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bugs: list[tuple[int, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: int = -1
    first_bytes: int = 0
    last_bytes: int = 0
    max_bytes: int = 0

    def add(self, number: int, verdict: Verdict) -> None:
        if verdict.is_clean:
            self.outcomes[verdict.outcome] += 1
        else:
            self.bugs.append((number, verdict.outcome))
        if verdict.seconds > self.slowest_s:
            self.slowest_s, self.slowest = verdict.seconds, number
        if verdict.memory_bytes:
            self.first_bytes = self.first_bytes or verdict.memory_bytes
            self.last_bytes = verdict.memory_bytes
            self.max_bytes = max(self.max_bytes, verdict.memory_bytes)

    def lines(self) -> list[str]:
        megabytes = [bytes_ / 1e6 for bytes_ in (self.first_bytes, self.last_bytes, self.max_bytes)]
        return [
            f"inputs tried   {self.outcomes.total() + len(self.bugs)}",
            *(f"{outcome:15}{count}" for outcome, count in self.outcomes.most_common()),
            f"anything else  {len(self.bugs)}",
            *(f"  input {number}: {outcome}" for number, outcome in self.bugs),
            f"slowest        {self.slowest_s:.3f} s (input {self.slowest})",
            "memory         {:.0f} MB at first, {:.0f} MB at last, {:.0f} MB at most".format(
                *megabytes
            ),
        ]


def fuzz(inputs: int, seed: int, first: int = 0) -> Tally:
    target, tally = Target(seed), Tally()
    for number in range(first, first + inputs):
        tally.add(number, target.attempt(number))
    target.end()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    started = time.monotonic()
    tally = fuzz(given.inputs, given.seed, given.first)
    print(*tally.lines(), sep="\n")
    print(f"took           {time.monotonic() - started:.0f} s")
    return 1 if tally.bugs else 0


if __name__ == "__main__":
    sys.exit(main())
