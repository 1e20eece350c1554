"""The processes of the service: started, watched and stopped together."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from redis.exceptions import RedisError

from common.listening import check_can_listen, endpoint, is_in_use, local_url
from common.redis.server import UnusableServer, check_server
from standalone.child import Child, ChildLog, start_process
from standalone.progress import Progress
from standalone.settings import StandaloneSettings, api_environment, worker_environment
from standalone.valkey import DataFolderUnusable, EmbeddedValkey, ValkeyDidNotStart
from standalone.watchdog import Watchdog

POLL_S = 0.1
TWO_REDISES = (
    "CLIP_DATA is the folder of the embedded Valkey, but CLIP_REDIS_URL names another server: "
    "unset one of them"
)


class ServiceFailed(Exception):
    """The service cannot run; the message says why."""


class Service:
    """The running service: Valkey, a worker for each model, and the API."""

    def __init__(
        self, settings: StandaloneSettings, redis_url: str, workers: dict[str, Child], api: Child
    ) -> None:
        self.url = local_url(settings.host, settings.port)
        self.redis_url = redis_url
        self._workers = workers
        self._children = [*workers.values(), api]

    def check(self) -> None:
        """Raise ServiceFailed if a process has ended."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                _write(child.log.last_lines())
                raise ServiceFailed(f"the {child.name} ended with exit code {code}")

    def is_ready(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment leads to this machine
            try:
                return session.get(f"{self.url}/readyz", timeout=5).ok
            except requests.RequestException:
                return False

    @property
    def stage(self) -> str:
        """What the first worker that is not ready is doing."""
        for model, stage in self._loading.items():
            return f"{model}, {stage}" if len(self._workers) > 1 else stage
        return "waiting for the first heartbeat"

    @property
    def _loading(self) -> dict[str, str]:
        """What each worker that is not ready is doing, by its model."""
        stages = {model: worker.log.stage for model, worker in self._workers.items()}
        return {model: stage for model, stage in stages.items() if stage is not None}

    def wait_until_ready(self, progress: Progress) -> None:
        """Wait until every worker's model is warm. Raises ServiceFailed if a process ends."""
        # With the Redis of the settings, the workers of another service may make it ready.
        while self._loading or not self.is_ready():
            if lines := self._new_lines():
                progress.clear()
                _write(lines)
            try:
                self.check()
            except ServiceFailed:
                progress.clear()
                raise
            progress.tick(self.stage)
            time.sleep(POLL_S)
        progress.clear()
        _write(self._new_lines())
        for worker in self._workers.values():
            worker.log.forget_held()

    def watch(self) -> None:
        """Watch the processes. Raises ServiceFailed when one ends."""
        while True:
            _write(self._new_lines())
            self.check()
            time.sleep(POLL_S)

    def _new_lines(self) -> list[str]:
        return [line for child in self._children for line in child.log.new_lines()]


@contextmanager
def running(settings: StandaloneSettings) -> Iterator[Service]:
    """The running service; on exit all processes are stopped and all temporary files removed.

    Raises:
        ServiceFailed: it could not be started.
    """
    _check_port(settings.host, settings.port)
    try:
        with tempfile.TemporaryDirectory(prefix="clip-api-") as folder:
            watchdog = Watchdog(Path(folder))
            try:
                with (
                    _redis(settings, Path(folder), watchdog) as redis_url,
                    _processes(settings, redis_url, Path(folder), watchdog) as service,
                ):
                    yield service
            finally:
                watchdog.dismiss()
    except (OSError, ValkeyDidNotStart) as error:
        raise ServiceFailed(str(error)) from error


@contextmanager
def _redis(settings: StandaloneSettings, folder: Path, watchdog: Watchdog) -> Iterator[str]:
    """The URL of the Redis to use: that of the settings, or of an embedded Valkey."""
    if settings.has_own_redis:
        if settings.data:
            raise ServiceFailed(TWO_REDISES)
        try:
            check_server(settings.redis_url, settings.keys, ())
        except (RedisError, UnusableServer) as error:
            raise ServiceFailed(f"CLIP_REDIS_URL: {error}") from error
        yield settings.redis_url
        return
    try:
        valkey = EmbeddedValkey(folder, data=settings.data_folder)
    except RuntimeError as error:
        raise ServiceFailed(f"CLIP_DATA: {error}") from error
    try:
        valkey.start()
        watchdog.add(valkey.pid)
        yield valkey.url
    except DataFolderUnusable as error:
        raise ServiceFailed(f"CLIP_DATA: {error}") from error
    finally:
        valkey.stop()


@contextmanager
def _processes(
    settings: StandaloneSettings, redis_url: str, folder: Path, watchdog: Watchdog
) -> Iterator[Service]:
    children: list[Child] = []

    workers = {}
    try:
        for model in settings.served:
            environment = worker_environment(settings, redis_url, folder, model)
            process = start_process(watchdog, ["-m", "worker"], environment)
            workers[model] = Child("worker", process, ChildLog(process.stdout, settings))
            children.append(workers[model])
        gunicorn = ["-m", "gunicorn", "-c", "api/gunicorn.conf.py", "api.wsgi:app"]
        process = start_process(watchdog, gunicorn, api_environment(settings, redis_url, folder))
        log = ChildLog(process.stdout, settings, is_noisy=False)
        children.append(Child("API", process, log))
        yield Service(settings, redis_url, workers, children[-1])
    finally:
        for child in reversed(children):
            child.stop()
            _write(child.log.remaining_lines())


def _write(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _check_port(host: str, port: int) -> None:
    try:
        check_can_listen(host, port)
    except OSError as error:
        name = "CLIP_PORT to another port" if is_in_use(error) else "CLIP_HOST to another address"
        raise ServiceFailed(
            f"cannot listen on {endpoint(host, port)} ({error.strerror}); set {name}"
        ) from error
