"""The processes of the service: started, watched and stopped together."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from common.listening import check_can_listen, endpoint, is_in_use, local_url
from common.setting_names import PREFIX
from standalone.settings import ROOT, StandaloneSettings, child_environment
from standalone.valkey import EmbeddedValkey, ValkeyDidNotStart
from standalone.watchdog import STOP_TIMEOUT_S, Watchdog

POLL_S = 0.1


class ServiceFailed(Exception):
    """The service cannot run; the message says why."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child process in its own session, so that Ctrl-C reaches only this process."""

    name: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Service:
    """The running service: an embedded Valkey, a worker for each model, and the API."""

    def __init__(self, settings: StandaloneSettings, children: list[Child]) -> None:
        self.url = local_url(settings.host, settings.port)
        self._children = children

    def check(self) -> None:
        """Raise ServiceFailed if a process has ended."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ServiceFailed(f"the {child.name} ended with exit code {code}")

    def is_ready(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment leads to this machine
            try:
                return session.get(f"{self.url}/readyz", timeout=5).ok
            except requests.RequestException:
                return False

    def wait_until_ready(self, tick: Callable[[], None]) -> None:
        """Wait for a worker with a warm model. Raises ServiceFailed if a process ends."""
        while not self.is_ready():
            self.check()
            tick()
            time.sleep(POLL_S)

    def watch(self) -> None:
        """Watch the processes. Raises ServiceFailed when one ends."""
        while True:
            self.check()
            time.sleep(POLL_S)


@contextmanager
def running(settings: StandaloneSettings) -> Iterator[Service]:
    """The running service; on exit all processes are stopped and all files removed.

    Raises:
        ServiceFailed: it could not be started.
    """
    _check_port(settings.host, settings.port)
    children: list[Child] = []
    try:
        with tempfile.TemporaryDirectory(prefix="clip-api-") as folder:
            watchdog = Watchdog(Path(folder))
            valkey = EmbeddedValkey(Path(folder))
            try:
                valkey.start()
                watchdog.add(valkey.pid)
                environment = child_environment(settings, valkey.url, Path(folder))
                for model in settings.served:
                    own = {**environment, f"{PREFIX}MODEL": model}
                    children.append(_start(watchdog, "worker", ["-m", "worker"], own))
                gunicorn = ["-m", "gunicorn", "-c", "api/gunicorn.conf.py", "api.wsgi:app"]
                children.append(_start(watchdog, "API", gunicorn, environment))
                yield Service(settings, children)
            finally:
                for child in reversed(children):
                    child.stop()
                valkey.stop()
                watchdog.dismiss()
    except (OSError, ValkeyDidNotStart) as error:
        raise ServiceFailed(str(error)) from error


def _start(
    watchdog: Watchdog, name: str, arguments: list[str], environment: dict[str, str]
) -> Child:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    watchdog.add(process.pid)
    return Child(name, process)


def _check_port(host: str, port: int) -> None:
    try:
        check_can_listen(host, port)
    except OSError as error:
        name = "CLIP_PORT to another port" if is_in_use(error) else "CLIP_HOST to another address"
        raise ServiceFailed(
            f"cannot listen on {endpoint(host, port)} ({error.strerror}); set {name}"
        ) from error
