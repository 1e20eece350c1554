"""The service's own processes, started as an operator starts them."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from redis import Redis

from common.listening import local_url
from common.redis.keys import KEYS, Keys
from tests.forked import Forked, Streams

ROOT = Path(__file__).resolve().parent.parent
DEMO_MODEL = ROOT / "demo" / "model"
SAMPLES = ROOT / "demo" / "pictures"
START_TIMEOUT_S = 90.0
AS_THEY_ARE = ("BENCH_", "FAULT_", "HF_", "OTEL_")
"""How names of variables begin that are not settings of ours."""
READ_AT_IMPORT = ("OTEL_",)
LOOPBACK_ALLOWED = {"fetch_allow": "127.0.0.0/8", "fetch_ports": "1-65535"}
"""For workers that fetch images from the tests' own servers."""


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Wait for a condition, or fail the test with what did not come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A free port below those that the kernel gives to outgoing connections meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@dataclass
class Process:
    """A process of the service; what it wrote to standard error is in `log`."""

    popen: subprocess.Popen[bytes] | Forked
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """Kill it and whatever it started, as a power cut would."""
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def stop(self, timeout_s: float = 40.0) -> int:
        self.popen.terminate()
        return self.popen.wait(timeout_s)


def _clean_environment(settings: Mapping[str, object]) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CLIP_")}
    ours = {
        name if name.startswith(AS_THEY_ARE) else f"CLIP_{name.upper()}": str(value)
        for name, value in settings.items()
    }
    return {**inherited, "PYTHONWARNINGS": "default", **ours}


def start(arguments: list[str], folder: Path, settings: Mapping[str, object]) -> Process:
    """Start Python in this repository."""
    log_path = Path(tempfile.mkstemp(suffix=".log", dir=folder)[1])
    with log_path.open("wb") as log:
        popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=_clean_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Process(popen, log_path)


def fork(
    arguments: list[str], folder: Path, settings: Mapping[str, object], *, is_daemon: bool = True
) -> Process:
    """The same in a fork of a process that has imported the service, for the sake of time.

    Unless it is a daemon, it may have children, and the test must end it.
    """
    if any(name.startswith(READ_AT_IMPORT) for name in settings):
        return start(arguments, folder, settings)
    log_path = Path(tempfile.mkstemp(suffix=".log", dir=folder)[1])
    streams = Streams(log_path, log_path)
    environment = _clean_environment(settings)
    return Process(Forked(arguments, ROOT, environment, streams, is_daemon=is_daemon), log_path)


def start_worker(folder: Path, redis_url: str, model: Path | str, /, **settings: object) -> Process:
    """`python -m worker`; returns at once."""
    chosen = {"redis_url": redis_url, "model": model, **LOOPBACK_ALLOWED, **settings}
    return fork(["-m", "worker"], folder, chosen)


@dataclass
class Api:
    """A running API process, and the sessions that talk to it."""

    process: Process
    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def post(self, path: str, json: object, **options: object) -> requests.Response:
        return self.session.post(f"{self.url}{path}", json=json, timeout=120, **options)  # type: ignore[arg-type]

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", timeout=120)

    def put(self, path: str, json: object) -> requests.Response:
        return self.session.put(f"{self.url}{path}", json=json, timeout=120)

    def stop(self) -> None:
        self.session.close()
        self.process.stop()

    def workers(self) -> int:
        count: int = self.get("/readyz").json()["workers"]
        return count


def start_api(folder: Path, redis_url: str, /, **settings: object) -> Api:
    """Gunicorn as the README starts it; returns once it listens."""
    defaults: dict[str, object] = {"api_processes": 1, "host": "127.0.0.1", "port": free_port()}
    chosen = {**defaults, "redis_url": redis_url, **settings}
    gunicorn = ["-m", "gunicorn", "-c", "api/gunicorn.conf.py", "api.wsgi:app"]
    process = fork(gunicorn, folder, chosen)
    api = Api(process, local_url(str(chosen["host"]).strip("[]"), int(str(chosen["port"]))))

    def listens() -> bool:
        assert process.popen.poll() is None, process.log
        try:
            return requests.get(f"{api.url}/healthz", timeout=1).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    wait_until(listens, "the API listens", START_TIMEOUT_S)
    return api


def wait_for_workers(api: Api, workers: list[Process], count: int | None = None) -> None:
    """Wait until that many workers are alive; fail at once if one of them exits."""

    def all_beat() -> bool:
        for worker in workers:
            assert worker.popen.poll() is None, worker.log
        return api.workers() == (len(workers) if count is None else count)

    wait_until(all_beat, "the workers are ready", START_TIMEOUT_S)


def wait_for_heartbeat(worker: Process, redis_url: str, keys: Keys = KEYS) -> None:
    """Wait until the only worker of a service is alive; fail at once if it exits."""
    with Redis.from_url(redis_url) as redis:

        def beats() -> bool:
            assert worker.popen.poll() is None, worker.log
            return bool(redis.zcard(keys("workers")))

        wait_until(beats, "the worker beats", START_TIMEOUT_S)


@contextmanager
def running_worker(
    arguments: list[str], folder: Path, redis_url: str, /, **settings: object
) -> Iterator[Process]:
    """A worker with its own Redis, started with these arguments; alive, and stopped at the end."""
    process = fork(arguments, folder, {"redis_url": redis_url, **LOOPBACK_ALLOWED, **settings})
    try:
        wait_for_heartbeat(process, redis_url)
        yield process
    finally:
        process.stop()
