"""The client, in front of the real service."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from clip_api_client import Client

from tests.client.commands import Command, environment, run, run_on_terminal
from tests.client.troubled import TroubledProxy
from tests.processes import SAMPLES, Api, start_api

KEY = "a-key-of-the-tests-0123456789"


@pytest.fixture
def client(service: Api) -> Iterator[Client]:
    with Client(service.url) as client:
        yield client


@pytest.fixture
def proxy(service: Api) -> Iterator[TroubledProxy]:
    with TroubledProxy(service.url).running() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def strict_api(service: Api, folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Wants a key, waits half a second at most, and lets few requests through in a second."""
    api = start_api(
        folder, service_redis_url, api_keys=KEY, sync_timeout_s=0.5, rate_limit="4 per second"
    )
    yield api
    api.stop()


@pytest.fixture
def photos() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if path.suffix != ".md")


@pytest.fixture
def clip_api(service: Api) -> Command:
    """Run a command in a pipe, among the samples."""
    return partial(run, folder=SAMPLES, env=environment(CLIP_API_URL=service.url))


@pytest.fixture
def on_terminal(service: Api) -> Command:
    """Run a command on a terminal, among the samples."""
    return partial(run_on_terminal, folder=SAMPLES, env=environment(CLIP_API_URL=service.url))
