"""A worker whose device or model fails, beside a healthy one: its clients notice nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.faults.deployment import Deployment, deployed
from tests.faults.load import cosine, image
from tests.faults.worker import ASSERTION
from tests.processes import wait_until

EXIT_MODEL_BROKEN, EXIT_DEVICE_FAILED = 69, 74
FEW, MANY, CLIENTS = 160, 480, 16
ILLEGAL_ACCESS = "CUDA error: an illegal memory access was encountered"
CANDIDATE = (10, 20, 30)


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("s"), workers=1) as deployment:
        yield deployment


def rank(url: str, number: int) -> requests.Response:
    """Rank an image like no other."""
    query = (number % 256, number // 256, 200)
    body = {"queries": [image(query)], "candidates": [image(CANDIDATE)]}
    answer = requests.post(f"{url}/rank", json=body, timeout=60)
    if answer.ok:
        expected = pytest.approx(cosine(query, CANDIDATE), abs=1e-5)
        assert answer.json()["cosine_similarities"] == [[expected]]
    return answer


def statuses(service: Deployment, requests: int) -> dict[int, int]:
    """How many of these requests got each status, under load."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda n: rank(service.api.url, n).status_code, range(requests)))
    return {status: answers.count(status) for status in answers}


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ILLEGAL_ACCESS, EXIT_DEVICE_FAILED, "the device failed"),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", EXIT_DEVICE_FAILED, "the device failed"),
        ("nothing works any more", EXIT_MODEL_BROKEN, "the model is broken"),
    ],
)
def test_a_sick_worker_leaves_and_every_request_is_answered(
    service: Deployment, error: str, code: int, reason: str
) -> None:
    sick = service.add_worker(FAULT_ERROR=error, FAULT_GOOD_CALLS=5)
    assert statuses(service, FEW) == {200: FEW}
    assert sick.popen.wait(30) == code
    assert '"worker_gives_up"' in sick.log
    assert f"{reason}: " in sick.log
    assert service.workers[0].popen.poll() is None
    wait_until(lambda: service.api.workers() == 1, "the sick one is not in the line-up")


def test_a_sick_worker_that_is_started_again_and_again_gets_no_part_given_up(
    service: Deployment,
) -> None:
    settings = {"FAULT_ERROR": ILLEGAL_ACCESS, "FAULT_GOOD_CALLS": 5}
    service.add_worker(**settings)
    with service.supervised(**settings):
        assert statuses(service, MANY) == {200: MANY}


def test_an_image_that_makes_devices_fail_is_given_up_and_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    def submit(service: Deployment, brightness: int) -> str:
        body = {"queries": [image((brightness,) * 3)], "candidates": [image(CANDIDATE)]}
        return service.api.post("/rank?wait=0", body).headers["Location"]

    with deployed(tmp_path_factory.mktemp("a"), workers=0) as service:
        good, bad = submit(service, 1), submit(service, ASSERTION)
        for _ in range(3):
            assert service.start_worker().popen.wait(30) == EXIT_DEVICE_FAILED
        service.add_worker()
        assert service.api.get(f"{good}?wait=30").json()["status"] == "done"
        given_up = service.api.get(f"{bad}?wait=30").json()
        assert [fault["code"] for fault in given_up["errors"]] == ["given_up"] * 2


def test_a_worker_whose_device_fails_at_its_start_says_so(service: Deployment) -> None:
    worker = service.start_worker(FAULT_ERROR=ILLEGAL_ACCESS, FAULT_GOOD_CALLS=0, exit_pause_s=0)
    assert worker.popen.wait(30) == EXIT_DEVICE_FAILED
    assert f"the device failed ({ILLEGAL_ACCESS})" in worker.log
    assert "Traceback" not in worker.log
