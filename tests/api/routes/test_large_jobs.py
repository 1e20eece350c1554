"""A job of ten thousand queries: taken at once, and answered without filling memory."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from common.redis.keys import KEYS
from tests.faults.deployment import Deployment, deployed
from tests.processes import wait_until

QUERIES = 10_000
CANDIDATES = 150


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("l"), workers=0) as deployment:
        yield deployment


def most_memory_kb(pid: int) -> int:
    """The peak memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def server_pid(master: int) -> int:
    """The one process that serves, a child of gunicorn's own."""
    return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])


def test_ten_thousand_urls_are_accepted_in_parts(service: Deployment) -> None:
    queries = [{"img_uri": f"http://127.0.0.1:9/{number}.png"} for number in range(QUERIES)]
    body = {"queries": queries, "candidates": [{"text": "a"}]}
    answer = service.api.post("/rank?wait=0", body)
    assert answer.status_code == 202
    document = service.api.get(answer.headers["Location"]).json()
    assert document["progress"] == {"total": QUERIES, "done": 0, "failed": 0}
    with service.redis() as redis:
        assert redis.zcard("clip:open") == redis.llen(KEYS("bulk")) == -(-(QUERIES + 1) // 32)


def test_a_large_result_is_streamed(service: Deployment) -> None:
    queries = [{"text": f"{'x' * (number % 8)} {number}"} for number in range(QUERIES)]
    candidates = [{"text": "y" * number} for number in range(1, CANDIDATES + 1)]
    body = {"queries": queries, "candidates": candidates}
    location = service.api.post("/rank?wait=0", body).headers["Location"]
    service.add_worker()
    wait_until(
        lambda: service.api.get("/jobs?limit=1").json()["jobs"][0]["status"] == "done",
        "the job is done",
        60,
    )
    pid = server_pid(service.api.process.popen.pid)
    before = most_memory_kb(pid)
    answer = service.api.get(location)
    grown_kb = most_memory_kb(pid) - before
    assert len(answer.content) > 20_000_000
    assert grown_kb < len(answer.content) / 1024 / 3
    result = orjson.loads(answer.content)["result"]
    for matrix in result.values():
        assert len(matrix) == QUERIES
        assert {len(row) for row in matrix} == {CANDIDATES}
