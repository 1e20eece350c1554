"""One thread that runs work at given times, for all exchanges."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

IDLE_S = 10.0
"""The thread ends if no alarm is set for this long."""


@dataclass(frozen=True, slots=True, eq=False)
class Alarm:
    """`work` must be short: other alarms wait for it. `at` is in time.monotonic() seconds."""

    at: float
    work: Callable[[], object]


class Alarms:
    """Thread-safe."""

    def __init__(self) -> None:
        self._set: set[Alarm] = set()
        self._wakes_at = 0.0
        self._is_running = False
        self._changed = threading.Condition()

    def set(self, at: float, work: Callable[[], object]) -> Alarm:
        """Run `work` at that time. Raises RuntimeError if the system has no threads left."""
        alarm = Alarm(at, work)
        with self._changed:
            if not self._is_running:
                threading.Thread(target=self._run, name="alarms", daemon=True).start()
                self._is_running = True
            self._set.add(alarm)
            if at < self._wakes_at:
                self._changed.notify()
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """Cancel an alarm; its work may be running already."""
        with self._changed:
            self._set.discard(alarm)

    def _run(self) -> None:
        while (due := self._wait()) is not None:
            for alarm in due:
                try:
                    alarm.work()
                except Exception:  # the others must still run
                    log.exception("alarm_failed")

    def _wait(self) -> list[Alarm] | None:
        """The alarms due now; None if the thread is no longer needed."""
        with self._changed:
            now = time.monotonic()
            if not self._set:
                self._wakes_at = now + IDLE_S
                if not self._changed.wait_for(lambda: self._set, IDLE_S):
                    self._is_running = False
                    return None
                now = time.monotonic()
            due = [alarm for alarm in self._set if alarm.at <= now]
            self._set.difference_update(due)
            if not due:
                self._wakes_at = min(alarm.at for alarm in self._set)
                self._changed.wait(self._wakes_at - now)
            return due
