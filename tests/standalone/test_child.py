"""What is shown of the log of a process."""

import io
import json
from typing import Any

import pytest

from standalone.child import ChildLog, stage_after
from standalone.settings import StandaloneSettings

WARNING = "celery/platforms.py:893: SecurityWarning: a superuser runs this"


def log_of(*lines: str, **settings: Any) -> ChildLog:
    """The log of a process that wrote these lines and has ended."""
    log = ChildLog(
        io.StringIO("".join(f"{line}\n" for line in lines)), StandaloneSettings(**settings)
    )
    log._reader.finish(5)
    return log


def event(name: str, level: str = "info", **fields: object) -> str:
    return json.dumps({"event": name, "level": level, **fields})


def test_events_of_a_lower_level_are_not_shown() -> None:
    slow = event("slow", "warning")
    assert log_of(event("part_done"), slow, log_format="json").new_lines() == [slow]
    assert len(log_of(event("part_done"), slow, log_level="info").new_lines()) == 2


def test_events_are_shown_as_text_where_that_is_the_format() -> None:
    [line] = log_of(event("slow", "warning", ms=3), log_format="text").new_lines()
    assert line.split() == ["[warning", "]", "slow", "ms=3"]


def test_lines_of_libraries_are_held_back_until_the_service_is_ready() -> None:
    log = log_of(WARNING)
    assert log.new_lines() == []
    log.forget_held()
    assert log.last_lines() == []


def test_they_are_shown_if_the_process_ends() -> None:
    log = log_of(WARNING, "CLIP_MODEL: cannot load it")
    assert log.last_lines() == [WARNING, "CLIP_MODEL: cannot load it"]


def test_once_it_is_ready_they_are_shown_at_once() -> None:
    log = log_of(WARNING)
    log.forget_held()
    assert log.new_lines() == [WARNING]


def test_a_process_that_is_not_noisy_holds_nothing_back() -> None:
    log = ChildLog(io.StringIO(f"{WARNING}\n"), StandaloneSettings(), is_noisy=False)
    log._reader.finish(5)
    assert log.new_lines() == [WARNING]


@pytest.mark.parametrize(
    ("name", "fields", "stage"),
    [
        ("model_fetching", {}, "looking for its files on the hub"),
        ("model_downloading", {"bytes": 1, "of_bytes": 605_000_000}, "downloading 0 of 605 MB"),
        ("model_downloading", {"bytes": 1, "of_bytes": None}, "downloading"),
        ("model_loading", {}, "loading weights"),
        ("model_loaded", {}, "warming up"),
        ("worker_ready", {}, None),
        ("threads_chosen", {}, "before"),
    ],
)
def test_the_stage_of_a_worker(name: str, fields: dict[str, object], stage: str | None) -> None:
    assert stage_after({"event": name, **fields}, "before") == stage
