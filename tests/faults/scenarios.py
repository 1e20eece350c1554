"""Each fault, done to a service under load. The tests judge the tally, the report prints it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.deployment import Deployment, deployed
from tests.faults.load import Load, Tally
from tests.processes import wait_until

Scenario = Callable[[Path], Tally]


def under_load(deployment: Deployment, harm: Callable[[Load], None]) -> Tally:
    """Load, harm, and enough work after it to see that all is well again."""
    with Load(deployment.api.url, deployment.valkey.url) as load:
        load.wait_for(done=50)
        harm(load)
        load.wait_for(done=50)
    return load.tally


def worker_killed_again_and_again(folder: Path) -> Tally:
    with deployed(folder, workers=2) as service:

        def harm(load: Load) -> None:
            for _ in range(10):
                load.wait_for(done=10)
                service.workers[-1].kill()
                service.start_worker()
                wait_until(lambda: "worker_ready" in service.workers[-1].log, "a new worker")

        return under_load(service, harm)


def only_worker_killed(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            service.workers[0].kill()
            time.sleep(5)
            service.start_worker()

        return under_load(service, harm)


def workers_rolled(folder: Path) -> Tally:
    with deployed(folder, workers=2) as service:

        def harm(load: Load) -> None:
            for old in list(service.workers):
                load.wait_for(done=20)
                assert old.stop() == 0
                service.start_worker()
                wait_until(lambda: "worker_ready" in service.workers[-1].log, "a new worker")

        return under_load(service, harm)


def redis_killed_with_aof(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            service.valkey.kill()
            time.sleep(2)
            service.valkey.start()

        return under_load(service, harm)


def redis_frozen(folder: Path) -> Tally:
    with deployed(folder) as service:

        def harm(_: Load) -> None:
            os.kill(service.valkey.pid, signal.SIGSTOP)
            time.sleep(10)
            os.kill(service.valkey.pid, signal.SIGCONT)

        return under_load(service, harm)


def api_killed(folder: Path) -> Tally:
    with deployed(folder) as service:
        return under_load(service, lambda _: service.restart_api())


SCENARIOS: dict[str, Scenario] = {
    "kill -9 of a worker, 10 times, another alive": worker_killed_again_and_again,
    "kill -9 of the only worker, a new one after 5 s": only_worker_killed,
    "SIGTERM of each worker in turn": workers_rolled,
    "Redis killed and restarted with AOF": redis_killed_with_aof,
    "Redis frozen for 10 s": redis_frozen,
    "API killed and restarted": api_killed,
}
