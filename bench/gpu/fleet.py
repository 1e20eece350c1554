"""The service as an operator starts it, with as many workers as wanted."""

import sys
import tempfile
from pathlib import Path
from typing import Self

import requests

from bench.contender import READY_TIMEOUT_S
from bench.processes import Process, free_port, start, wait_until_ready
from bench.service import GUNICORN
from standalone.valkey import EmbeddedValkey

API_PROCESSES = 4
"""Twice the default, so that the API is not the bottleneck."""


class Fleet:
    """A Valkey of its own, the API, and workers on one device."""

    def __init__(self, model: str, device: str, module: str = "worker") -> None:
        self._module = module
        self._own = tempfile.TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._own.name)
        self._valkey = EmbeddedValkey(self.folder)
        self.port = free_port()
        self._environment: dict[str, object] = {
            "CLIP_HOST": "127.0.0.1",
            "CLIP_PORT": self.port,
            "CLIP_MODEL": model,
            "CLIP_DEVICE": device,
            "CLIP_API_PROCESSES": API_PROCESSES,
            "CLIP_EXIT_PAUSE_S": 0,
            "CLIP_LOG_LEVEL": "info",
        }
        self.workers: list[Process] = []
        self.metrics_ports: list[int] = []
        self.api: Process | None = None

    @property
    def valkey_pid(self) -> int:
        return self._valkey.pid

    def begin(self, workers: int) -> None:
        """Start all of it at once, and wait until it is there."""
        self._valkey.start()
        self._environment["CLIP_REDIS_URL"] = self._valkey.url
        self.api = start("api", [*GUNICORN, "api.wsgi:app"], self.folder, self._environment)
        for number in range(1, workers + 1):
            port = free_port()
            environment = {**self._environment, "CLIP_METRICS_PORT": port}
            command = [sys.executable, "-m", self._module]
            self.workers.append(start(f"worker {number}", command, self.folder, environment))
            self.metrics_ports.append(port)
        self._wait()

    def leave(self, workers: int) -> None:
        """End workers in order until so many are left."""
        for process in self.workers[workers:]:
            process.ask_to_stop()
        for process in self.workers[workers:]:
            process.stop()
        del self.workers[workers:]
        self._wait()

    def _wait(self) -> None:
        """Until the API knows of all workers, and of no other."""
        assert self.api
        wait_until_ready(self._is_complete, [self.api, *self.workers])

    def _is_complete(self) -> bool:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=READY_TIMEOUT_S)
            return answer.ok and answer.json()["workers"] == len(self.workers)
        except requests.RequestException:
            return False

    def stop(self) -> None:
        processes = [*self.workers, *([self.api] if self.api else [])]
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            process.stop()
        self._valkey.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._own.cleanup()
