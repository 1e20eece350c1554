"""POST /rank, for one request of a call."""

from collections.abc import Sequence
from typing import TypeAlias

from clip_api_client import jobs, label_sets
from clip_api_client.answers import JobDocument, RankAnswer, read
from clip_api_client.candidates import Wish, named
from clip_api_client.errors import ItemError, NotFound, UnexpectedAnswer
from clip_api_client.pieces import Piece, pack
from clip_api_client.places import Places
from clip_api_client.results import Part, Ranked
from clip_api_client.retries import Patience
from clip_api_client.sending import answered
from clip_api_client.steps import Response, Steps

Labels: TypeAlias = tuple[str, ...]


def rank_piece(piece: Piece, wish: Wish, patience: Patience) -> Steps[Part[Ranked]]:
    """Rank some of the queries of a call."""
    packed = yield from pack(piece, allow_partial=wish.allow_partial)
    if not packed.items:
        return Part(_rows(piece, wish, None, packed.unreadable, wish.labels))
    places = Places(piece, "/queries", tuple(packed.items))
    request = jobs.post("/rank", {"queries": list(packed.items.values()), **wish.body})
    answer = yield from answered(request, places, patience)
    if isinstance(answer.outcome, JobDocument):
        ranked = _result(answer.outcome)
    else:
        ranked = read(answer.outcome, RankAnswer)
    failed: dict[int, ItemError] = {**packed.unreadable, **places.errors(ranked.errors or ())}
    whole = _spread(ranked, places.sent, len(piece.queries))
    labels = yield from _labels(wish, answer.outcome, patience)
    rows = _rows(piece, wish, whole, failed, labels)
    return Part(rows, answer.job, answer.truncated_texts, answer.transparent_images)


def ranked_job(piece: Piece, wish: Wish, document: JobDocument) -> Part[Ranked]:
    """The result of a job with all queries of a piece."""
    ranked = _result(document)
    failed = Places.of_all(piece, "/queries").errors(ranked.errors or ())
    rows = _rows(piece, wish, ranked, failed, _labels_of_job(wish, document))
    return Part(rows, document.id, len(document.truncated), len(document.transparent))


def _labels(wish: Wish, outcome: Response | JobDocument, patience: Patience) -> Steps[Labels]:
    """The labels of the columns: those of the version of the set that the service used.

    None, so that numbers stand for them, if the set has changed once more.
    """
    if isinstance(outcome, JobDocument):
        return _labels_of_job(wish, outcome)
    name, _, version = outcome.headers.get("x-label-set", "").rpartition("@")
    if not wish.version or not name or version == wish.version:
        return wish.labels
    try:
        found = yield from label_sets.fetch(name, patience)
    except NotFound:
        return ()
    return named(found.labels) if found.version == version else ()


def _labels_of_job(wish: Wish, document: JobDocument) -> Labels:
    return named(document.labels or ()) if wish.version else wish.labels


def _result(document: JobDocument) -> RankAnswer:
    if not isinstance(document.result, RankAnswer):
        raise UnexpectedAnswer(f"the job is one of {document.kind!r}", job=document.id)
    return document.result


def _spread(ranked: RankAnswer, sent: Sequence[int], count: int) -> RankAnswer:
    """The rows of the queries that were sent, at their positions among all."""
    if len(sent) != len(ranked.probabilities) or len(sent) != len(ranked.cosine_similarities):
        raise UnexpectedAnswer("the answer has another number of rows than were asked for")
    probabilities: list[list[float] | None] = [None] * count
    cosines: list[list[float] | None] = [None] * count
    for row, place in enumerate(sent):
        probabilities[place] = ranked.probabilities[row]
        cosines[place] = ranked.cosine_similarities[row]
    return RankAnswer(probabilities=probabilities, cosine_similarities=cosines)


def _rows(
    piece: Piece,
    wish: Wish,
    ranked: RankAnswer | None,
    failed: dict[int, ItemError],
    labels: Labels,
) -> list[Ranked]:
    return [
        Ranked(
            index=piece.start + place,
            source=query.source,
            name=query.name,
            error=failed.get(place),
            labels=labels,
            probabilities=ranked.probabilities[place] if ranked else None,
            cosine_similarities=ranked.cosine_similarities[place] if ranked else None,
            top_k=wish.top_k,
        )
        for place, query in enumerate(piece.queries)
    ]
