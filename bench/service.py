"""This service: the processes that `make run` starts, with any number of workers."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.contender import Server
from bench.images import THUMBNAIL, Kind
from bench.processes import Process, free_port, start
from bench.wire import RANK, Address, Wire, ranking, unique
from standalone.valkey import EmbeddedValkey

# No timeout: gunicorn's master would kill processes that were paused for a minute.
GUNICORN = [sys.executable, "-m", "gunicorn", "--timeout", "0", "-c", "api/gunicorn.conf.py"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the service is started, and what it is asked.

    `worker` is the module that is run as the worker.
    """

    model: str
    workers: int = 1
    worker: str = "worker"
    kind: Kind = THUMBNAIL
    environment: Mapping[str, object] = field(default_factory=dict)
    path: str = RANK
    wire: Wire = field(default_factory=ranking)


class Service(Server):
    """A Valkey, workers, and the API."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.processes: list[Process] = []
        # Short, because the name of a Unix socket may have 107 characters at most.
        self._own = tempfile.TemporaryDirectory(prefix="bench-")
        self._valkey = EmbeddedValkey(Path(self._own.name))
        address = Address(free_port(), plan.path)
        make = unique(address, plan.wire, plan.kind)
        try:
            self._start(address, folder)
            super().__init__(self.processes, address, "/readyz", make)
        except BaseException:
            self.stop()
            raise

    def _start(self, address: Address, folder: Path) -> None:
        plan = self.plan
        self._valkey.start()
        environment = {
            "CLIP_REDIS_URL": self._valkey.url,
            "CLIP_HOST": address.host,
            "CLIP_PORT": address.port,
            "CLIP_MODEL": plan.model,
            **plan.environment,
        }
        worker = [sys.executable, "-m", plan.worker]
        for number in range(1, plan.workers + 1):
            self.processes.append(start(f"worker {number}", worker, folder, environment))
        self.processes.append(start("api", [*GUNICORN, "api.wsgi:app"], folder, environment))

    def is_ready(self, answer: requests.Response) -> bool:
        """With all its workers."""
        return answer.ok and answer.json()["workers"] == self.plan.workers

    @property
    def pids(self) -> dict[str, int]:
        """Of its processes, Valkey included; each may have started others."""
        started = {process.name: process.popen.pid for process in self.processes}
        return {**started, "Valkey": self._valkey.pid}

    def stop(self) -> None:
        super().stop()
        self._valkey.stop()
        self._own.cleanup()
