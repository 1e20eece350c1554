import numpy as np
import pytest

from api.scoring import cosine_similarities, normalised, probabilities
from common.protocol import ModelInfo

SOFTMAX = ModelInfo("m", "r", 2, logit_scale=100.0)
SIGMOID = ModelInfo("m", "r", 2, logit_scale=10.0, logit_bias=-5.0, activation="sigmoid")


def vectors(*rows: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, dtype=np.float32)


def test_cosines_do_not_depend_on_length() -> None:
    got = cosine_similarities(
        normalised(vectors([3, 0], [1, 1])), normalised(vectors([5, 0], [0, 0.1]))
    )
    assert got == pytest.approx(np.array([[1, 0], [0.5**0.5, 0.5**0.5]]))


def test_probabilities_are_a_softmax_over_the_candidates() -> None:
    got = probabilities(vectors([0.3, 0.31]), SOFTMAX)
    assert got[0, 1] / got[0, 0] == pytest.approx(np.e, rel=1e-5)
    assert got.sum() == pytest.approx(1)


def test_a_single_candidate_is_certain() -> None:
    assert probabilities(vectors([0.1]), SOFTMAX).tolist() == [[1.0]]


def test_a_sigmoid_model_judges_each_candidate_alone() -> None:
    got = probabilities(vectors([0.5, 1.0]), SIGMOID)
    assert got[0] == pytest.approx([0.5, 1 / (1 + np.exp(-5))])


def test_extreme_logits_do_not_overflow() -> None:
    extreme = ModelInfo("m", "r", 2, logit_scale=1e6, activation="sigmoid")
    assert probabilities(vectors([-1, 1]), extreme).tolist() == [[0.0, 1.0]]


def test_a_zero_vector_is_similar_to_nothing() -> None:
    got = cosine_similarities(normalised(vectors([0, 0])), normalised(vectors([1, 0])))
    assert got.tolist() == [[0.0]]
