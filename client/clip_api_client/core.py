"""What both clients share: everything except how a step is executed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from clip_api_client import jobs
from clip_api_client.answers import JobDocument, Readiness, read
from clip_api_client.candidates import CandidateLike, RankOptions, wish_of
from clip_api_client.encoding import EncodeWish, encode_piece, encoded_job
from clip_api_client.errors import UnexpectedAnswer
from clip_api_client.pieces import Piece, cut, pack, unnamed
from clip_api_client.places import Places
from clip_api_client.queries import Item, count_of, queries_of
from clip_api_client.ranking import rank_piece, ranked_job
from clip_api_client.results import Embeddings, Part, Ranking, Row
from clip_api_client.retries import Patience
from clip_api_client.sending import answered
from clip_api_client.steps import Request, Response, Steps

Outcome = TypeVar("Outcome")
AnyResults = Ranking | Embeddings
TOLD_OF_READINESS = (200, 503)
LISTS = {"rank": "/queries", "label_set": "/candidates"}
"""The JSON Pointers of the queries in a job's request."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Row]):
    """A call, split into requests; `total` is its number of queries, if known."""

    pieces: Iterator[Steps[Part[Row]]]
    total: int | None


@dataclass(frozen=True, slots=True)
class Submitted(Generic[Outcome]):
    """An accepted job, how to read its result, and the positions of its queries."""

    document: JobDocument
    read: Callable[[JobDocument], Outcome]
    places: Places


def rank_call(
    images: object,
    candidates: Iterable[CandidateLike] | None,
    options: RankOptions,
    patience: Patience,
) -> Call[Any]:
    wish, texts = wish_of(candidates, options), options.get("texts", ())
    pieces = cut(queries_of(images, texts))
    operations = (rank_piece(piece, wish, patience) for piece in pieces)
    return Call(operations, count_of(images, texts))


def encode_call(
    images: object,
    texts: Iterable[str],
    wish: EncodeWish,
    patience: Patience,
) -> Call[Any]:
    pieces = cut(queries_of(images, texts))
    operations = (encode_piece(piece, wish, patience) for piece in pieces)
    return Call(operations, count_of(images, texts))


def submit_rank(
    images: object,
    candidates: Iterable[CandidateLike] | None,
    options: RankOptions,
    patience: Patience,
) -> Steps[Submitted[Ranking]]:
    wish = wish_of(candidates, options)

    def request(items: list[Item]) -> Request:
        return jobs.post("/rank", {"queries": items, **wish.body}, is_async=True)

    piece = _whole(images, options.get("texts", ()))
    places = Places.of_all(piece, "/queries")
    document = yield from _submit(places, request, patience)
    return Submitted(document, lambda done: Ranking([ranked_job(piece, wish, done)]), places)


def submit_encode(
    images: object, texts: Iterable[str], wish: EncodeWish, patience: Patience
) -> Steps[Submitted[Embeddings]]:
    def request(items: list[Item]) -> Request:
        return jobs.post("/encode", items, parameters=wish.parameters, is_async=True)

    piece = _whole(images, texts)
    places = Places.of_all(piece, "")
    document = yield from _submit(places, request, patience)
    return Submitted(document, lambda done: Embeddings([encoded_job(piece, done)]), places)


def find_job(job: str, patience: Patience) -> Steps[Submitted[AnyResults]]:
    """Any existing job."""
    document = yield from jobs.fetch(job, patience)
    return found(document)


def found(document: JobDocument) -> Submitted[AnyResults]:
    """A job that another client may have submitted: the names of its queries are unknown."""
    places = Places.of_all(unnamed(document.progress.total), LISTS.get(document.kind, ""))
    return Submitted(document, partial(_results, places.piece), places)


def _results(piece: Piece, document: JobDocument) -> AnyResults:
    if document.kind == "rank":
        wish = wish_of(None, {"label_set": "-", "labels": document.labels or ()})
        return Ranking([ranked_job(piece, wish, document)])
    return Embeddings([encoded_job(piece, document)])


def ready() -> Steps[Readiness]:
    """Whether the service is ready; without retries, because the current state matters."""
    response: Response = yield Request("GET", "/readyz", timeout_s=10)
    if response.status not in TOLD_OF_READINESS:
        raise UnexpectedAnswer(f"the answer has status {response.status}", status=response.status)
    return read(response, Readiness)


def _whole(images: object, texts: Iterable[str]) -> Piece:
    """All queries as a single piece, because a job is one request."""
    return Piece(0, tuple(queries_of(images, texts)))


def _submit(
    places: Places, request: Callable[[list[Item]], Request], patience: Patience
) -> Steps[JobDocument]:
    packed = yield from pack(places.piece, allow_partial=False)
    items = list(packed.items.values())
    accepted = yield from answered(request(items), places, patience)
    if not accepted.job:
        raise UnexpectedAnswer(f"{UnexpectedAnswer.title}; it has no X-Job-ID")
    return (yield from jobs.fetch(accepted.job, patience))
