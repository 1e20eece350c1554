import re

import pytest

from bench.steps import OTHER, UNSEEN, by_step

STEPS = [("decode", re.compile(r"load \(PIL")), ("part", re.compile("worker/part/"))]
STACKS = (
    "process 1;thread (11): part-1;run (worker/part/run.py:3);load (PIL/ImageFile.py:8) 30",
    "process 1;thread (11): part-1;run (worker/part/run.py:4) 10",
    "process 1;thread (11): part-1;Condition.wait (threading.py:331) 960",
    "process 1;thread (14): part-2;Condition.wait (threading.py:331) 960",
    "process 1;thread (12): main;_epoll.poll (eventio.py:83) 500",
    "process 1;thread (12): main;loop (loop.py:1) 5",
)


def test_the_time_of_a_thread_is_that_of_the_steps_it_was_seen_in() -> None:
    found = by_step(STACKS, {11: 80.0, 12: 3.0, 13: 7.0, 14: 40.0}, STEPS)
    assert found == pytest.approx({"decode": 90, "part": 30, OTHER: 3, UNSEEN: 7})


def test_a_thread_without_samples_that_took_no_time_changes_nothing() -> None:
    assert by_step((), {11: 0.0}, STEPS) == {UNSEEN: 0}
