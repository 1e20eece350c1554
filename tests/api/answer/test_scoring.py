import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from api.answer.scoring import (
    Matrix,
    cosine_similarities,
    normalised,
    probabilities,
    ranking,
)
from common.ledger.records import Activation, Scoring
from common.protocol.messages import ModelInfo

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


MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.floats(-1, 1, width=32) | st.sampled_from([0, 0.25]),
)
TEMPERATURES = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@given(MATRICES, TEMPERATURES)
@example(np.array([[1, -1]], dtype=np.float32), 5e-324)
def test_a_softmax_sums_to_one_at_any_temperature(cosines: Matrix, temperature: float) -> None:
    got = probabilities(cosines, SIGMOID, Scoring(temperature=temperature, activation="softmax"))
    assert got.sum(axis=1) == pytest.approx(np.ones(len(cosines)), abs=1e-5)


@given(MATRICES, TEMPERATURES, st.sampled_from(["softmax", "sigmoid", "none"]))
@example(np.array([[1, -1]], dtype=np.float32), 5e-324, "none")
def test_scores_are_finite_and_grow_with_similarity(
    cosines: Matrix, temperature: float, activation: Activation
) -> None:
    got = probabilities(cosines, SOFTMAX, Scoring(temperature, None, activation))
    assert np.isfinite(got).all()
    for row, places in zip(got, np.argsort(cosines), strict=True):
        # Not by their difference, which may be twice as large as what a float32 holds.
        assert (row[places][1:] >= row[places][:-1]).all()


@given(MATRICES, st.integers(1, 8))
def test_a_ranking_has_the_most_similar_first_and_equals_in_order(
    cosines: Matrix, top_k: int
) -> None:
    for places, row in zip(ranking(cosines, top_k), cosines.tolist(), strict=True):
        expected = sorted(range(len(row)), key=lambda index: (-row[index], index))
        assert places.tolist() == expected[:top_k]
