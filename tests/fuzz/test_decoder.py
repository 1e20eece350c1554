"""The fuzzer finds crashes, hangs and unexpected errors."""

import os
import threading
from multiprocessing.connection import Connection

from tests.fuzz.decoder import Tally, Target, Verdict
from tests.fuzz.mutations import mutated

CRASHES, HANGS, RAISES = 1, 2, 3


def serve_badly(connection: Connection, _seed: int) -> None:
    connection.send(None)
    while (number := connection.recv()) is not None:
        if number == CRASHES:
            os.abort()
        if number == HANGS:
            threading.Event().wait()
        clean = number != RAISES
        connection.send(Verdict("fine" if clean else "RuntimeError()", clean, 0.1, 1_000_000))


def test_crashes_hangs_and_odd_errors_are_distinguished_and_survived() -> None:
    target, tally = Target(0, serve_badly, limit_s=2), Tally()
    for number in range(5):
        tally.add(number, target.attempt(number))
    target.end()
    assert tally.outcomes == {"fine": 2}
    assert tally.bugs == [(1, "crashes with -6"), (2, "hangs"), (3, "RuntimeError()")]
    assert "  input 2: hangs" in tally.lines()


def test_an_input_of_the_same_number_is_the_same() -> None:
    contents = [b"0123456789" * 10, b"abcdefghij" * 10]
    inputs = [mutated(contents, 1, number) for number in range(100)]
    assert inputs == [mutated(contents, 1, number) for number in range(100)]
    assert len(set(inputs)) > 90
    assert inputs != [mutated(contents, 2, number) for number in range(100)]
