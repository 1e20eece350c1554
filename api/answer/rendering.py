"""From the outcome of a job to the bytes of an answer, piece by piece."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, Field

from api.answer.results import ROWS_AT_ONCE, Outcome
from api.answer.scoring import (
    Matrix,
    Units,
    cosine_similarities,
    normalised,
    probabilities,
    ranking,
)
from api.problem_details import FaultBody
from common.protocol.messages import ModelInfo

Chunks = Iterator[bytes]

SCORES_AT_ONCE = 65_536
"""About a megabyte of JSON."""


class Ranked(BaseModel):
    """A candidate's place in the ranking; `index` is its place in the request."""

    index: int
    probability: float
    cosine_similarity: float


class RankResponse(BaseModel):
    """Both matrices have a row for each query and a column for each candidate, as requested."""

    probabilities: list[list[float] | None]
    cosine_similarities: list[list[float] | None]
    ranking: list[list[Ranked] | None] | None = Field(
        default=None,
        description="only with `top_k`: for each query its best candidates, the most similar "
        "first, equals in the order of the request",
    )
    errors: list[FaultBody] | None = Field(
        default=None, description="only with `allow_partial`, and only if a query failed"
    )


def render(outcome: Outcome, candidates: Units | None) -> Chunks:
    """The result of a job that is done; the kind `rank` needs the `candidates`."""
    match outcome.record.kind:
        case "rank":
            assert candidates is not None, "LabelSets.candidates_of returns them"  # noqa: S101
            return render_rank(outcome, candidates)
        case "encode":
            return render_encode(outcome)
        case "label_set":
            return render_label_set(outcome)


def render_rank(outcome: Outcome, candidates: Units) -> Chunks:
    """`{"probabilities": …, "cosine_similarities": …}`.

    And `ranking` if the request has `top_k`, and `errors` if a query failed.
    """
    model, scoring = outcome.model, outcome.scoring
    assert model is not None, "a job that is done has a model"  # noqa: S101
    yield b'{"probabilities":'
    yield from _matrix(outcome, candidates, lambda cosines: probabilities(cosines, model, scoring))
    yield b',"cosine_similarities":'
    yield from _matrix(outcome, candidates, lambda cosines: cosines)
    if scoring.top_k is not None:
        yield b',"ranking":'
        yield from _ranking(outcome, candidates, model, scoring.top_k)
    faults = outcome.item_faults()
    if faults:
        yield b',"errors":'
        yield orjson.dumps([fault.as_dict() for fault in faults])
    yield b"}"


def render_encode(outcome: Outcome) -> Chunks:
    """An array of vectors."""
    return _array(
        np.ascontiguousarray(vectors) for _, vectors in outcome.vectors(outcome.items_of(""))
    )


def render_label_set(outcome: Outcome) -> Chunks:
    """An array of vectors, one for each candidate."""
    vectors = outcome.candidates()
    return _array(
        vectors[start : start + ROWS_AT_ONCE] for start in range(0, len(vectors), ROWS_AT_ONCE)
    )


def _cosines(outcome: Outcome, candidates: Units) -> Iterator[tuple[Sequence[int], Matrix]]:
    """The similarities of the queries in short runs: (indices of the queries, rows)."""
    rows = max(1, SCORES_AT_ONCE // len(candidates))
    for indices, queries in outcome.vectors(outcome.items_of("/queries")):
        for start in range(0, len(indices), rows):
            run = slice(start, start + rows)
            yield indices[run], cosine_similarities(normalised(queries[run]), candidates)


def _matrix(outcome: Outcome, candidates: Units, score: Callable[[Matrix], Matrix]) -> Chunks:
    return _array(
        [
            None if index in outcome.faults else np.ascontiguousarray(row)
            for index, row in zip(indices, score(cosines), strict=True)
        ]
        for indices, cosines in _cosines(outcome, candidates)
    )


def _ranking(outcome: Outcome, candidates: Units, model: ModelInfo, top_k: int) -> Chunks:
    return _array(
        [None if index in outcome.faults else _ranked(best, scores, row)]
        for indices, cosines in _cosines(outcome, candidates)
        for index, best, scores, row in zip(
            indices,
            ranking(cosines, top_k),
            probabilities(cosines, model, outcome.scoring),
            cosines,
            strict=True,
        )
    )


def _ranked(
    best: npt.NDArray[np.intp], scores: npt.NDArray[np.float32], cosines: npt.NDArray[np.float32]
) -> list[dict[str, object]]:
    """One row of the ranking; a whole run of rows may be too large to build at once."""
    return [
        {"index": place, "probability": scores[place], "cosine_similarity": cosines[place]}
        for place in best.tolist()
    ]


def _array(runs: Iterable[object]) -> Chunks:
    """A JSON array made of runs of elements."""
    yield b"["
    separator = b""
    for run in runs:
        yield separator + orjson.dumps(run, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        separator = b","
    yield b"]"
