"""A service for fault tests: Valkey with AOF, one API process, workers with a fake model."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from redis import Redis

from standalone.valkey import EmbeddedValkey
from tests.processes import (
    LOOPBACK_ALLOWED,
    Api,
    Process,
    fork,
    start_api,
    wait_for_workers,
    wait_until,
)


class RedisServer(Protocol):
    """One server, or several that look like one."""

    @property
    def url(self) -> str: ...

    @property
    def pid(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


@dataclass
class Deployment:
    """The parts of a running service, each of which can be killed."""

    folder: Path
    valkey: RedisServer
    api: Api
    workers: list[Process] = field(default_factory=list)

    def start_worker(self, **settings: object) -> Process:
        """A real worker with the fake model; returns at once."""
        worker = fork(
            ["-m", "tests.faults.worker"],
            self.folder,
            {"redis_url": self.valkey.url, "batch_size": 8, **LOOPBACK_ALLOWED, **settings},
        )
        self.workers.append(worker)
        return worker

    def add_worker(self, **settings: object) -> Process:
        """Add a worker, and wait until it is alive beside the others."""
        worker = self.start_worker(**settings)
        wait_for_workers(self.api, [w for w in self.workers if w.popen.poll() is None])
        return worker

    def replace_worker(self) -> None:
        """Start one in the place of one that ended, and wait until it says that it is ready."""
        worker = self.start_worker()
        wait_until(lambda: "worker_ready" in worker.log, "a new worker is ready")

    @contextmanager
    def supervised(self, **settings: object) -> Iterator[None]:
        """Start a new worker for each that ends, as an orchestrator does."""
        ending = threading.Event()

        def supervise() -> None:
            while not ending.wait(0.1):
                for worker in [w for w in self.workers if w.popen.poll() is not None]:
                    self.workers.remove(worker)
                    self.start_worker(**settings)

        thread = threading.Thread(target=supervise)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def restart_api(self) -> None:
        """Kill the API and restart it on the same port."""
        self.api.process.kill()
        self.start_api_again()

    def start_api_again(self) -> None:
        """Start the API, whose master has ended, on the same port."""
        port = int(self.api.url.rpartition(":")[2])
        self.api.session.close()
        self.api = start_api(self.folder, self.valkey.url, port=port)

    def redis(self) -> Redis:
        return Redis.from_url(self.valkey.url)


@contextmanager
def deployed(
    folder: Path,
    workers: int = 1,
    models: object = "",
    valkey: RedisServer | None = None,
    *,
    webhook_secret: str = "",
    api_keys: str = "",
    **settings: object,
) -> Iterator[Deployment]:
    """A service with that many workers, all ready; everything is ended on the way out."""
    valkey = valkey or EmbeddedValkey(folder, data=folder)
    valkey.start()
    api = start_api(
        folder, valkey.url, models=models, webhook_secret=webhook_secret, api_keys=api_keys
    )
    deployment = Deployment(folder, valkey, api)
    try:
        for _ in range(workers):
            deployment.start_worker(webhook_secret=webhook_secret, **settings)
        wait_for_workers(deployment.api, deployment.workers)
        yield deployment
    finally:
        deployment.api.stop()
        for worker in deployment.workers:
            if worker.popen.poll() is None:
                worker.stop()
        valkey.stop()
