"""From what came of a job to the bytes of an answer, piece by piece."""

from collections.abc import Callable, Iterator

import numpy as np
import orjson

from api.results import Outcome
from api.scoring import Matrix, Units, cosine_similarities, normalised, probabilities
from common.protocol import ModelInfo

Chunks = Iterator[bytes]


def render(outcome: Outcome) -> Chunks:
    """The plain result of a job that is done."""
    return RENDERERS[outcome.record.kind](outcome)


def render_rank(outcome: Outcome) -> Chunks:
    """`{"probabilities": …, "cosine_similarities": …}`, and `errors` where a query failed."""
    candidates = normalised(outcome.gathered(outcome.items_of("/candidates")))
    yield b'{"probabilities":['
    yield from _matrix(outcome, candidates, probabilities)
    yield b'],"cosine_similarities":['
    yield from _matrix(outcome, candidates, lambda cosines, _: cosines)
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


RENDERERS: dict[str, Callable[[Outcome], Chunks]] = {
    "rank": render_rank,
    "encode": render_encode,
}


def _matrix(
    outcome: Outcome, candidates: Units, score: Callable[[Matrix, ModelInfo], Matrix]
) -> Chunks:
    model = outcome.model
    assert model is not None, "checked by whoever asked for the answer"  # noqa: S101
    separator = b""
    for indices, queries in outcome.vectors(outcome.items_of("/queries")):
        scores = score(cosine_similarities(normalised(queries), candidates), model)
        rows = [
            None if index in outcome.faults else np.ascontiguousarray(row)
            for index, row in zip(indices, scores, strict=True)
        ]
        yield separator + _without_brackets(rows)
        separator = b","


def _without_brackets(rows: object) -> bytes:
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
