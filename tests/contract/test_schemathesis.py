"""The service conforms to its OpenAPI document."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.http import AS_CALLER, LIMITS, fuzz, processes_of
from tests.image_server import ImageServer
from tests.images import encoded, noise
from tests.processes import Api, start_api

EXAMPLES, EACH = 300, 8
"""For more: `make fuzz`."""


@pytest.fixture
def api(service: Api, folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Beside `service`, on its worker, with small limits."""
    api = start_api(folder, service_redis_url, **LIMITS)
    api.session.headers.update(AS_CALLER)
    yield api
    api.stop()


def test_no_answer_contradicts_the_document(api: Api, image_server: ImageServer) -> None:
    processes, workers = processes_of(api.process), worker_names(api)
    tally = fuzz(api.url, EXAMPLES, image_server.serve(encoded(noise(8, 8))), each=EACH)
    assert not tally.failures, "\n\n".join(tally.failures[:5])
    assert tally.requests >= EXAMPLES
    assert tally.undocumented_5xx == 0
    assert min(tally.statuses[status] for status in (200, 202, 204, 404, 422)) > 0
    assert (processes_of(api.process), worker_names(api)) == (processes, workers)
    assert '"bug"' not in api.process.log


def worker_names(api: Api) -> set[str]:
    return {worker["name"] for worker in api.get("/workers").json()["workers"]}
