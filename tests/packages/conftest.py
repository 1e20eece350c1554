"""The services, and what they must answer."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.packages.addresses import KEY, Services

SERVICES = Services.told()
# Without them this is another test run, whose environment has none of the packages.
collect_ignore_glob = [] if SERVICES else ["test_*.py"]

LABELS = TEXT, OTHER = ["a drawing of a cat", "pizza"]
IMAGE_PATH = Path(__file__).parents[2] / "demo" / "pictures" / "cat.png"
IMAGE = IMAGE_PATH.read_bytes()
BASE64 = base64.b64encode(IMAGE).decode()
OURS = {"X-API-Key": KEY}
ANSWERED = re.compile(r'clip_requests_total{dialect="[^"]+",.*status="(\d+)"} (\S+)')
DATA_URI = f"data:image/png;base64,{BASE64}"


@dataclass(frozen=True)
class Expected:
    """The vectors of our own interface, of unit length."""

    text: Any
    other: Any
    image: Any

    @property
    def mean(self) -> Any:
        """Of the text and the image together."""
        total = self.text + self.image
        return total / np.linalg.norm(total)


@pytest.fixture(scope="session")
def services() -> Services:
    assert SERVICES
    return SERVICES


@pytest.fixture(scope="session")
def expected(services: Services) -> Expected:
    return Expected(*encoded(services, {"text": TEXT}, {"text": OTHER}, {"img_blob": BASE64}))


@pytest.fixture(scope="session")
def ranked(services: Services) -> dict[str, float]:
    """The probabilities of the labels for the image, by our own interface."""
    body = {
        "queries": [{"img_blob": BASE64}],
        "candidates": [{"text": label} for label in LABELS],
        "template": "This is a photo of {}.",
    }
    answer = httpx.post(f"{services.plain}/rank", json=body, headers=OURS)
    [row] = answer.raise_for_status().json()["probabilities"]
    return dict(zip(LABELS, row, strict=True))


def encoded(services: Services, *items: object) -> Any:
    """The vectors of /encode, of unit length."""
    answer = httpx.post(f"{services.plain}/encode", json=items, headers=OURS)
    rows = np.array(answer.raise_for_status().json())
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def assert_same(vector: Any, wanted: Any) -> None:
    assert np.asarray(vector) == pytest.approx(np.asarray(wanted), abs=2e-4)


def use_up(services: Services) -> None:
    """Send requests to the limited service until it refuses one."""
    status = 200
    while status == 200:
        answer = httpx.post(f"{services.limited}/encode", json=[{"text": TEXT}], headers=OURS)
        status = answer.status_code
    assert status == 429


def answered(url: str, status: int) -> float:
    """How many requests of packages a service has answered with this status, by its metrics."""
    metrics = httpx.get(f"{url}/metrics", headers=OURS).raise_for_status().text
    return sum(float(n) for code, n in ANSWERED.findall(metrics) if code == str(status))
