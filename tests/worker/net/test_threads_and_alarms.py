"""The threads that fetching uses, and when they end."""

import threading
import time
from functools import partial

import pytest

from tests.processes import wait_until
from worker.net import alarms as alarms_module
from worker.net import threads as threads_module
from worker.net.alarms import Alarms
from worker.net.threads import DaemonThreads


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_threads_are_reused() -> None:
    threads = DaemonThreads("used-again", 8)
    used = {threads.submit(threading.get_ident).result() for _ in range(50)}
    wait_until(lambda: len(named("used-again")) <= 2, "most were not needed")
    assert len(used) <= 2


def test_the_number_of_threads_is_limited_and_further_work_waits() -> None:
    threads, let_go = DaemonThreads("bounded", 2), threading.Event()
    waiting = [threads.submit(let_go.wait) for _ in range(5)]
    assert len(named("bounded")) == 2
    let_go.set()
    assert all(each.result(10) for each in waiting)


def test_errors_of_work_are_raised_by_its_result() -> None:
    threads = DaemonThreads("failing", 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(10)
    assert threads.submit(lambda: 1).result(10) == 1


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "IDLE_S", 0.05)
    threads = DaemonThreads("ending", 2)
    assert threads.submit(lambda: 1).result(10) == 1
    wait_until(lambda: not named("ending"), "its thread has ended")
    assert threads.submit(lambda: 2).result(10) == 2


def test_alarms_go_off_in_order_in_one_thread() -> None:
    alarms, gone_off = Alarms(), list[tuple[int, int]]()

    def note(number: int) -> None:
        gone_off.append((number, threading.get_ident()))

    now = time.monotonic()
    for number, delay_s in ((3, 0.3), (1, 0.1), (2, 0.2)):
        alarms.set(now + delay_s, partial(note, number))
    wait_until(lambda: len(gone_off) == 3, "all have gone off")
    assert [number for number, _ in gone_off] == [1, 2, 3]
    assert len({thread for _, thread in gone_off}) == 1


def test_a_failed_or_cancelled_alarm_does_not_affect_the_others() -> None:
    alarms, gone_off = Alarms(), threading.Event()
    now = time.monotonic()
    cancelled = alarms.set(now + 0.1, lambda: pytest.fail("it was cancelled"))
    alarms.set(now + 0.05, lambda: 1 / 0)
    alarms.cancel(cancelled)
    alarms.set(now + 0.2, gone_off.set)
    assert gone_off.wait(10)


def test_the_alarm_thread_ends_and_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms_module, "IDLE_S", 0.05)
    before = set(named("alarms"))
    alarms = Alarms()
    for _ in range(2):
        gone_off = threading.Event()
        alarms.set(time.monotonic(), gone_off.set)
        assert gone_off.wait(10)
        wait_until(lambda: not set(named("alarms")) - before, "its thread has ended")
