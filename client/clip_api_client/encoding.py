"""POST /encode, for one request of a call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from clip_api_client import jobs
from clip_api_client.answers import VECTORS, JobDocument, read
from clip_api_client.errors import InvalidRequest, ItemError, UnexpectedAnswer
from clip_api_client.pieces import Packed, Piece, pack
from clip_api_client.places import Places
from clip_api_client.queries import Alpha
from clip_api_client.results import Encoded, Part
from clip_api_client.retries import Patience
from clip_api_client.sending import Answered, answered
from clip_api_client.steps import Steps


@dataclass(frozen=True, slots=True)
class EncodeWish:
    """A request to encode, without its items."""

    model: str | None
    alpha: Alpha | None
    allow_partial: bool
    metadata: Mapping[str, str] | None = None

    @property
    def parameters(self) -> dict[str, str | None]:
        metadata = json.dumps(dict(self.metadata), ensure_ascii=False) if self.metadata else None
        return {"model": self.model, "alpha": self.alpha, "metadata": metadata}


def encode_piece(piece: Piece, wish: EncodeWish, patience: Patience) -> Steps[Part[Encoded]]:
    """Encode some of the queries of a call.

    /encode has no partial answers: items at fault are removed, and the others sent again, which is
    cheap, because the service caches embeddings.
    """
    packed = yield from pack(piece, allow_partial=wish.allow_partial)
    failed: dict[int, ItemError] = dict(packed.unreadable)
    while packed.items:
        places = Places(piece, "", tuple(packed.items))
        items = list(packed.items.values())
        request = jobs.post("/encode", items, parameters=wish.parameters)
        try:
            answer = yield from answered(request, places, patience)
        except InvalidRequest as error:
            at_fault = places.errors(error.faults)
            if not wish.allow_partial or not at_fault:
                raise
            failed |= at_fault
            left = {place: item for place, item in packed.items.items() if place not in at_fault}
            packed = Packed(left, packed.unreadable)
        else:
            vectors = dict(zip(places.sent, _vectors(answer, len(places.sent)), strict=True))
            rows = _rows(piece, vectors, failed)
            return Part(rows, answer.job, answer.truncated_texts, answer.transparent_images)
    return Part(_rows(piece, {}, failed))


def encoded_job(piece: Piece, document: JobDocument) -> Part[Encoded]:
    """The result of a job with all queries of a piece."""
    answer = Answered.of_job(document)
    vectors = dict(enumerate(_vectors(answer, len(piece.queries))))
    rows = _rows(piece, vectors, {})
    return Part(rows, document.id, answer.truncated_texts, answer.transparent_images)


def _vectors(answer: Answered, count: int) -> list[list[float]]:
    outcome = answer.outcome
    vectors = outcome.result if isinstance(outcome, JobDocument) else read(outcome, VECTORS)
    if not isinstance(vectors, list) or len(vectors) != count:
        raise UnexpectedAnswer("the answer has another number of vectors than were asked for")
    return vectors


def _rows(
    piece: Piece, vectors: dict[int, list[float]], failed: dict[int, ItemError]
) -> list[Encoded]:
    return [
        Encoded(
            index=piece.start + place,
            source=query.source,
            name=query.name,
            error=failed.get(place),
            vector=vectors.get(place),
        )
        for place, query in enumerate(piece.queries)
    ]
