"""Compares what a model says of the pictures and texts with what open_clip said of them."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

MAX_OF_COSINES = 1e-5
MAX_OF_PROBABILITIES = 5e-5


@cache
def _expected() -> dict[str, dict[str, list[list[float]]]]:
    recorded = Path(__file__).with_name("expected.json").read_text()
    return dict(json.loads(recorded))


def check(name: str, cosines: npt.ArrayLike, probabilities: npt.ArrayLike) -> None:
    """Of all pictures (rows) and texts (columns) of the tiny model of that name."""
    expected = {kind: np.array(rows) for kind, rows in _expected()[name].items()}
    assert _distance(cosines, expected["cosine_similarities"]) < MAX_OF_COSINES
    assert _distance(probabilities, expected["probabilities"]) < MAX_OF_PROBABILITIES
    # Of a model that says the same of everything this would prove nothing.
    assert np.ptp(expected["cosine_similarities"], axis=0).max() > 0.1
    assert np.ptp(expected["cosine_similarities"], axis=1).max() > 0.1


def units(vectors: npt.ArrayLike) -> Numbers:
    rows = np.asarray(vectors, np.float64)
    unit: Numbers = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _distance(got: npt.ArrayLike, expected: Numbers) -> float:
    return float(np.abs(np.asarray(got) - expected).max())
