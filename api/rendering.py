"""From what came of a job to the bytes of an answer, piece by piece."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import orjson

from api.results import Outcome
from api.scoring import Matrix, Units, cosine_similarities, normalised, probabilities, ranking
from common.protocol import ModelInfo

Chunks = Iterator[bytes]


def render(outcome: Outcome, candidates: Units | None) -> Chunks:
    """The plain result of a job that is done; a ranking needs its `candidates`."""
    match outcome.record.kind:
        case "rank":
            assert candidates is not None, "LabelSets.candidates_of gives them"  # noqa: S101
            return render_rank(outcome, candidates)
        case "encode":
            return render_encode(outcome)
        case "label_set":
            return render_label_set(outcome)


def render_rank(outcome: Outcome, candidates: Units) -> Chunks:
    """`{"probabilities": …, "cosine_similarities": …}`, and more where it was asked for.

    That is `ranking` with `top_k`, and `errors` where a query failed.
    """
    model, scoring = outcome.model, outcome.scoring
    assert model is not None, "a job that is done has a model"  # noqa: S101
    yield b'{"probabilities":['
    yield from _matrix(outcome, candidates, lambda cosines: probabilities(cosines, model, scoring))
    yield b'],"cosine_similarities":['
    yield from _matrix(outcome, candidates, lambda cosines: cosines)
    yield b"]"
    if scoring.top_k is not None:
        yield b',"ranking":['
        yield from _ranking(outcome, candidates, model, scoring.top_k)
        yield b"]"
    faults = outcome.item_faults()
    if faults:
        yield b',"errors":'
        yield orjson.dumps([fault.as_dict() for fault in faults])
    yield b"}"


def render_encode(outcome: Outcome) -> Chunks:
    """A bare array of vectors."""
    yield b"["
    separator = b""
    for _, vectors in outcome.vectors(outcome.items_of("")):
        yield separator + _without_brackets(np.ascontiguousarray(vectors))
        separator = b","
    yield b"]"


def render_label_set(outcome: Outcome) -> Chunks:
    """A bare array of vectors, one for each candidate."""
    yield _dumps(outcome.candidates())


def _cosines(outcome: Outcome, candidates: Units) -> Iterator[tuple[Sequence[int], Matrix]]:
    """The queries' similarities in short runs: (the queries' indices, rows)."""
    for indices, queries in outcome.vectors(outcome.items_of("/queries")):
        yield indices, cosine_similarities(normalised(queries), candidates)


def _matrix(outcome: Outcome, candidates: Units, score: Callable[[Matrix], Matrix]) -> Chunks:
    separator = b""
    for indices, cosines in _cosines(outcome, candidates):
        rows = [
            None if index in outcome.faults else np.ascontiguousarray(row)
            for index, row in zip(indices, score(cosines), strict=True)
        ]
        yield separator + _without_brackets(rows)
        separator = b","


def _ranking(outcome: Outcome, candidates: Units, model: ModelInfo, top_k: int) -> Chunks:
    separator = b""
    for indices, cosines in _cosines(outcome, candidates):
        scores = probabilities(cosines, model, outcome.scoring)
        best = ranking(cosines, top_k)
        for row, index in enumerate(indices):
            places = (
                None if index in outcome.faults else _ranked(best[row], scores[row], cosines[row])
            )
            yield separator + _dumps(places)
            separator = b","


def _ranked(
    best: npt.NDArray[np.intp], scores: npt.NDArray[np.float32], cosines: npt.NDArray[np.float32]
) -> list[dict[str, object]]:
    """A row of the ranking; small enough at once, as a whole run of rows may not be."""
    return [
        {"index": place, "probability": scores[place], "cosine_similarity": cosines[place]}
        for place in best.tolist()
    ]


def _without_brackets(rows: object) -> bytes:
    return _dumps(rows)[1:-1]


def _dumps(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
