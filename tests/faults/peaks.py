"""How much memory the processes of a service take at their worst."""

from pathlib import Path

from redis import Redis

from bench.memory import descendants, resident_mb
from tests.faults.deployment import Deployment


class Peaks:
    """How far the memory of API, Redis and workers grew since this was made, at its highest."""

    def __init__(self, deployment: Deployment) -> None:
        with Redis.from_url(deployment.valkey.url) as redis:
            server: int = redis.info("server")["process_id"]
        self._pids = {
            "api": descendants(deployment.api.process.popen.pid),
            "redis": [server],
            "worker": [worker.popen.pid for worker in deployment.workers],
        }
        for pids in self._pids.values():
            for pid in pids:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._before = {name: sum(map(resident_mb, pids)) for name, pids in self._pids.items()}

    def grown_mb(self) -> dict[str, float]:
        """By the name of the process, in MB."""
        return {
            name: sum(map(_peak_mb, pids)) - self._before[name] for name, pids in self._pids.items()
        }


def _peak_mb(pid: int) -> float:
    """The most memory that a process had since its peaks were forgotten."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
