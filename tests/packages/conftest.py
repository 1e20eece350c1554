"""The services, and what they must answer."""

import base64
from collections.abc import Callable
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

TEXT, OTHER = "a drawing of a cat", "pizza"
SAMPLES = Path(__file__).parents[2] / "demo" / "pictures"
IMAGE = (SAMPLES / "cat.png").read_bytes()
BASE64 = base64.b64encode(IMAGE).decode()
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
    items = [{"text": TEXT}, {"text": OTHER}, {"img_blob": BASE64}]
    answer = httpx.post(f"{services.plain}/encode", json=items, headers={"X-API-Key": KEY})
    rows = np.array(answer.raise_for_status().json())
    return Expected(*(rows / np.linalg.norm(rows, axis=1, keepdims=True)))


def assert_same(vector: Any, wanted: Any) -> None:
    assert np.asarray(vector) == pytest.approx(np.asarray(wanted), abs=2e-4)


MANY = 30
"""More requests than the limited service serves at once."""


def repeat(call: Callable[[], object]) -> None:
    for _ in range(MANY):
        call()
