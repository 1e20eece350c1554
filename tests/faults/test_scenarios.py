"""Under load, no fault loses an accepted job.

Faults that one job can show alone are in test_single_faults.py, and under load in `make soak`.
"""

from pathlib import Path

import pytest

from tests.faults import redis_faults, scenarios
from tests.faults.load import Tally

SLOWEST_S = 15.0


@pytest.fixture
def folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("f")


def check(tally: Tally, *, slowest_s: float = SLOWEST_S) -> None:
    assert (tally.lost, tally.failed, tally.wrong) == (0, 0, 0), tally
    assert tally.done == tally.accepted >= 100, tally
    assert tally.slowest_s < slowest_s, tally


def test_a_worker_killed_again_and_again(folder_of_its_own: Path) -> None:
    check(scenarios.worker_killed_again_and_again(folder_of_its_own, times=3))


def test_the_only_worker_killed(folder_of_its_own: Path) -> None:
    check(scenarios.only_worker_killed(folder_of_its_own))


def test_workers_rolled(folder_of_its_own: Path) -> None:
    tally = scenarios.workers_rolled(folder_of_its_own)
    check(tally)
    assert tally.refused == {}
    assert tally.executed_twice == 0


def test_redis_killed_and_restarted(folder_of_its_own: Path) -> None:
    tally = redis_faults.killed_with_aof(folder_of_its_own)
    check(tally)
    assert set(tally.refused) <= {"503 broker_away", "503 no_worker"}
    assert tally.refused


def test_redis_frozen(folder_of_its_own: Path) -> None:
    tally = redis_faults.frozen(folder_of_its_own)
    check(tally, slowest_s=10 + SLOWEST_S)
    assert set(tally.refused) <= {"503 broker_away", "503 no_worker"}
    assert tally.refused


def test_the_api_killed(folder_of_its_own: Path) -> None:
    tally = scenarios.api_killed(folder_of_its_own)
    check(tally)
    assert set(tally.refused) <= {"no connection"}


def test_redis_emptied(folder_of_its_own: Path) -> None:
    tally = redis_faults.emptied(folder_of_its_own)
    assert (tally.failed, tally.wrong) == (0, 0), tally
    assert tally.done >= 100, tally
    assert tally.slowest_s < SLOWEST_S, tally
    assert set(tally.refused) <= {"503 broker_away", "503 no_worker", "503 job_lost"}
    assert tally.refused["503 job_lost"] > 0
