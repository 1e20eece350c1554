"""Real parts for every test: a Valkey of its own, real workers, a real API."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from api.assembly import assemble
from api.settings import ApiSettings
from common.ledger.jobs import Ledger
from standalone.valkey import EmbeddedValkey
from tests.image_server import ImageServer
from tests.processes import DEMO_MODEL, Api, start_api, start_worker, wait_for_workers

A_MOMENT_S = 5.0
TOOLING = ("bench", "compose", "deploy", "standalone")


def pytest_xdist_auto_num_workers() -> int:
    """Three more than there are cores: more than half of the time, tests wait for something."""
    return (os.cpu_count() or 1) + 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` and `make test` leave out."""
    for item in items:
        if item.path.parent.name in TOOLING:
            item.add_marker(pytest.mark.tooling)
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
        if "service" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.service)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short, because the name of a Unix socket may have 107 characters at most."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="session")
def _unit_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("u"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(_unit_valkey: EmbeddedValkey) -> str:
    """An empty server that no worker looks at."""
    with Redis.from_url(_unit_valkey.url) as client:
        client.flushall()
    return _unit_valkey.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis)


@pytest.fixture(scope="session")
def service_redis_url(folder: Path) -> Iterator[str]:
    server = EmbeddedValkey(folder)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def redis_url_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """For a service beside the shared one."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("o"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def service(folder: Path, service_redis_url: str) -> Iterator[Api]:
    """The service as it is deployed, with the demo checkpoint: one worker, one API process."""
    worker = start_worker(folder, service_redis_url, DEMO_MODEL)
    api = start_api(folder, service_redis_url)
    wait_for_workers(api, [worker])
    yield api
    api.stop()
    worker.stop()


ClientMaker = Callable[..., FlaskClient]


@pytest.fixture
def make_api() -> Iterator[ClientMaker]:
    """An API of any settings in this process, ended with the test."""
    apps: list[Flask] = []

    def make(**settings: object) -> FlaskClient:
        # Flask's client does not close its answers, and an open answer keeps its place.
        places: dict[str, object] = {"api_threads": 1024}
        app = assemble(ApiSettings(**(places | settings)))  # type: ignore[arg-type]
        apps.append(app)
        return app.test_client()

    yield make
    for app in apps:
        app.extensions["dispatcher"].close()


@pytest.fixture
def make_client(service: Api, service_redis_url: str, make_api: ClientMaker) -> ClientMaker:
    """An API of other settings in this process, on the same Redis and worker as `service`."""
    return partial(make_api, redis_url=service_redis_url)


@pytest.fixture(autouse=True, scope="module")
def _no_thread_stays() -> Iterator[None]:
    """Python waits for such a thread before it ends: a test run that leaves one hangs."""
    yield
    known = ("MainThread", "pytest_timeout")
    ours = [thread for thread in threading.enumerate() if not thread.name.startswith(known)]
    staying = [thread for thread in ours if not thread.daemon]
    if staying:
        gc.collect()  # the threads of a pool end with it
    for thread in staying:  # those that load weights end a moment after the model is there
        thread.join(A_MOMENT_S)
    assert not [thread for thread in staying if thread.is_alive()]


@pytest.fixture
def image_server() -> Iterator[ImageServer]:
    with ImageServer().running() as server:
        yield server
