"""Options of `celery worker` that a threads pool cannot honour."""

from pathlib import Path

import pytest
from celery import Celery

from common.protocol.celery_app import make_celery
from tests.processes import DEMO_MODEL, fork
from worker.queue.celery_options import REFUSED, UnsupportedOption, check_options

STARTED = {"pool": "threads", "concurrency": 8, "time_limit": None, "autoscale": None}
EXIT_USAGE = 64


@pytest.fixture
def app() -> Celery:
    return make_celery("redis://127.0.0.1:1", socket_timeout_s=1)


def test_what_a_threads_pool_can_do_is_accepted(app: Celery) -> None:
    check_options(STARTED, app)


@pytest.mark.parametrize("option", REFUSED)
def test_an_option_that_needs_processes_is_refused(app: Celery, option: str) -> None:
    with pytest.raises(UnsupportedOption, match=f"--{option.replace('_', '-')}"):
        check_options({**STARTED, option: 5}, app)


@pytest.mark.parametrize(
    "setting", ["task_time_limit", "task_soft_time_limit", "worker_max_tasks_per_child"]
)
def test_the_same_setting_is_refused(app: Celery, setting: str) -> None:
    app.conf[setting] = 5
    with pytest.raises(UnsupportedOption):
        check_options(STARTED, app)


def test_a_refused_worker_ends_with_a_sentence(folder: Path, redis_url: str) -> None:
    command = ["-m", "celery", "-A", "worker.app", "worker", "--pool=threads", "--time-limit=5"]
    worker = fork(command, folder, {"redis_url": redis_url, "model": DEMO_MODEL})
    assert worker.popen.wait(60) == EXIT_USAGE
    assert "--time-limit: the threads pool cannot end a running task" in worker.log
    assert "Traceback" not in worker.log


def test_a_queue_of_another_model_is_refused(app: Celery) -> None:
    check_options({**STARTED, "queues": ["bulk"]}, app)
    with pytest.raises(UnsupportedOption, match="its queues are bulk, interactive"):
        check_options({**STARTED, "queues": ["bulk", "bulk:another/model"]}, app)
