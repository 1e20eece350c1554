"""What the dialects must answer: the vectors of /encode, of unit length."""

import base64
from typing import Any

import numpy as np
import pytest

from tests.images import encoded, noise
from tests.processes import Api

PNG = encoded(noise(96, 80))
BASE64 = base64.b64encode(PNG).decode()
DATA_URI = f"data:image/png;base64,{BASE64}"
IMAGE = {"img_blob": BASE64}
TEXT, OTHER = "a cat", "a dog"
BAD = base64.b64encode(b"no image").decode()


def expected(service: Api, *items: dict[str, str]) -> Any:
    rows = np.array(service.post("/encode", list(items)).json())
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mean(rows: Any) -> Any:
    """Of unit length."""
    total = rows.sum(axis=0)
    return total / np.linalg.norm(total)


def assert_same(got: Any, wanted: Any) -> None:
    assert np.shape(got) == np.shape(wanted)
    assert np.array(got) == pytest.approx(np.array(wanted), abs=2e-4)
