"""Refuses options of `celery worker` that a threads pool cannot honour."""

from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.concurrency.thread import TaskPool as ThreadPool
from celery.worker.control import control_command

WHY = "the threads pool cannot end a running task"
REFUSED = {
    "time_limit": f"--time-limit: {WHY}; CLIP_MODEL_TIMEOUT_S ends a worker whose model hangs",
    "soft_time_limit": f"--soft-time-limit: {WHY}; jobs have CLIP_JOB_TIMEOUT_S",
    "max_tasks_per_child": "--max-tasks-per-child: the threads pool has no child processes",
    "max_memory_per_child": "--max-memory-per-child: the threads pool has no child processes",
    "autoscale": "--autoscale: the threads pool has a fixed size; set it with --concurrency, and "
    "start more workers for more throughput",
}
FIXED_SIZE = "the threads pool has a fixed size; restart the worker with another --concurrency"


class UnsupportedOption(Exception):
    """An option or setting of Celery that this worker cannot honour; the message says why."""


def check_options(options: Mapping[str, Any], app: Celery) -> None:
    """Check the options of `celery worker`.

    Raises:
        UnsupportedOption: the pool is not the threads pool, an option needs another pool, or the
            queues are not those of the worker's model.
    """
    pool = options.get("pool") or app.conf.worker_pool
    if pool not in ("threads", ThreadPool):
        raise UnsupportedOption(
            "--pool: the model is shared by threads of one process; start the worker with "
            "--pool=threads, or with `python -m worker`"
        )
    settings = {
        "time_limit": app.conf.task_time_limit,
        "soft_time_limit": app.conf.task_soft_time_limit,
        "max_tasks_per_child": app.conf.worker_max_tasks_per_child,
        "max_memory_per_child": app.conf.worker_max_memory_per_child,
    }
    for name, reason in REFUSED.items():
        if options.get(name) or settings.get(name):
            raise UnsupportedOption(reason)
    known = {queue.name for queue in app.conf.task_queues}
    if foreign := set(options.get("queues") or ()) - known:
        raise UnsupportedOption(
            f"--queues: {', '.join(sorted(foreign))} holds no parts for this worker's CLIP_MODEL; "
            f"its queues are {', '.join(sorted(known))}"
        )


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(_state: object, n: int = 1, **_: object) -> dict[str, str]:  # noqa: ARG001
    """Refused: the threads pool has a fixed size."""
    return {"error": FIXED_SIZE}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(_state: object, n: int = 1, **_: object) -> dict[str, str]:  # noqa: ARG001
    """Refused: the threads pool has a fixed size."""
    return {"error": FIXED_SIZE}


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)],
    signature="<task_name> <soft_secs> [hard_secs]",
)
def time_limit(_state: object, **_: object) -> dict[str, str]:
    """Refused: the threads pool cannot end a running task."""
    return {"error": WHY}


@control_command(args=[("signal", str)], variadic="tasks", signature="<signal> [id1 [id2]]")
def terminate(_state: object, **_: object) -> dict[str, str]:
    """Refused: the threads pool cannot end a running task."""
    return {"error": f"{WHY}; `control revoke` cancels a job"}


@control_command(args=[("max", int), ("min", int)], signature="[max [min]]")
def autoscale(_state: object, **_: object) -> dict[str, str]:
    """Refused: the threads pool has a fixed size."""
    return {"error": FIXED_SIZE}
