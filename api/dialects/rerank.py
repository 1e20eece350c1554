"""Reranking, as Cohere, Jina, Voyage, Infinity and vLLM have it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson
from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from api.answer.scoring import cosine_similarities, ranking
from api.dialects.dialect import Dialect, message_of, request_id
from api.dialects.embedding import Embedder, EmbeddingRequest, Embeddings, Options
from api.dialects.fields import Count
from api.dialects.operation import embedding_operation
from api.dialects.parts import invalid, parts_of
from api.problem_details import Problem


class RerankError(BaseModel):
    """The shape of Cohere's errors, with the `detail` that clients of Jina read."""

    id: str
    message: str
    detail: str = Field(description="the message again")


def error_of(problem: Problem) -> RerankError:
    message = message_of(problem)
    return RerankError(id=request_id(), message=message, detail=message)


DIALECT = Dialect("rerank", error_of, RerankError)
Documents: TypeAlias = Sequence[orjson.Fragment]
Prefix: TypeAlias = Literal["/v2", "/v1", ""]
"""Of the route: `/v2` for Cohere's clients, `/v1` for Jina's and Voyage's, none for Infinity's."""


class RerankRequest(BaseModel):
    """A query and documents, texts or images; other keys are ignored."""

    model_config = ConfigDict(frozen=True)

    query: Any = Field(
        default=None,
        description='a text, the data URI of an image, `{"text": …}` or '
        '`{"image": a URL, data URI or base64}`',
        examples=["a cat"],
    )
    documents: list[Any] | None = Field(
        default=None,
        description="what is ranked: each of the same forms",
        examples=[[{"image": "https://example.org/cat.png"}, "a dog"]],
    )
    model: str | None = Field(
        default=None, description="one that `GET /v1/models` lists; the default if absent"
    )
    top_n: Count | None = Field(default=None, description="only the best; all if absent")
    top_k: Count | None = Field(
        default=None, description="the same, as Voyage calls it; `top_n` comes first"
    )
    truncation: bool | None = Field(
        default=None,
        description="`false`: a text that is too long for the model is an error, as Voyage has it",
    )
    return_documents: bool | None = Field(
        default=None, description="whether the answer has the documents too"
    )


class RerankResult(BaseModel):
    """A document, by its position in the request."""

    index: int
    relevance_score: float = Field(description="the cosine similarity to the query")
    document: dict[str, Any] | str | None = Field(
        default=None, description="as it was given; at `/v1` and `/v2` a string as `text`"
    )


class RerankUsage(BaseModel):
    """The tokens of the texts; images have none."""

    prompt_tokens: int
    total_tokens: int


class RerankVersion(BaseModel):
    """The version of Cohere's interface."""

    version: Literal["2"]


class RerankMeta(BaseModel):
    """About the request."""

    api_version: RerankVersion


class RerankAnswer(BaseModel):
    """The documents, the most similar first."""

    id: str
    object: Literal["list", "rerank"] = Field(description="`rerank` at `/rerank`, else `list`")
    model: str
    results: list[RerankResult]
    data: list[RerankResult] | None = Field(
        default=None, description="the same, at `/v1`, for clients of Voyage"
    )
    usage: RerankUsage
    meta: RerankMeta


BODY: TypeAdapter[RerankRequest] = TypeAdapter(RerankRequest)
RERANKED = ("The documents, the most similar first.", RerankAnswer)
SCORES = "The scores are cosine similarities."
COHERE = embedding_operation(
    DIALECT,
    "rerank_as_cohere",
    ("Rerank documents, as Cohere does.", f"For `rerank` of Cohere's `ClientV2`. {SCORES}"),
    RERANKED,
    BODY,
)
JINA = embedding_operation(
    DIALECT,
    "rerank_as_jina",
    ("Rerank documents, as Jina does.", f"For clients of Jina, Voyage, vLLM and LiteLLM. {SCORES}"),
    RERANKED,
    BODY,
)
INFINITY = embedding_operation(
    DIALECT,
    "rerank_as_infinity",
    ("Rerank documents, as Infinity does.", f"For base URLs without a version. {SCORES}"),
    RERANKED,
    BODY,
)


@dataclass(frozen=True, slots=True)
class Reranking:
    """What to embed, the query first, and what the answer has of the documents.

    `kept` are the documents, if they are to be sent back.
    """

    wanted: EmbeddingRequest
    count: int
    kept: Documents | None


def make_blueprint(embedder: Embedder) -> Blueprint:
    blueprint = Blueprint(DIALECT.name, __name__)

    @blueprint.post("/v2/rerank")
    @COHERE
    def cohere() -> Response:
        return _rerank(embedder, "/v2")

    @blueprint.post("/v1/rerank")
    @JINA
    def jina() -> Response:
        return _rerank(embedder, "/v1")

    @blueprint.post("/rerank")
    @INFINITY
    def infinity() -> Response:
        return _rerank(embedder, "")

    return blueprint


def _rerank(embedder: Embedder, prefix: Prefix) -> Response:
    reranking = _read(embedder, prefix)
    return _answer(embedder.embed(reranking.wanted), reranking, prefix)


def _read(embedder: Embedder, prefix: Prefix) -> Reranking:
    """Read the request; in its own function, so that the body is freed before the wait."""
    body = embedder.read(BODY)
    if body.query is None:
        raise invalid("/query", "missing", "is missing")
    if not body.documents:
        raise invalid("/documents", "too_few", "needs at least one document")
    documents = [parts_of(each, f"/documents/{n}") for n, each in enumerate(body.documents)]
    if len(documents) >= embedder.max_parts:
        detail = (
            f"has {len(documents)} items; the limit beside the query is {embedder.max_parts - 1}"
        )
        raise invalid("/documents", "too_many", detail)
    wanted = embedder.request(
        [parts_of(body.query, "/query"), *documents],
        body.model,
        pointer="/documents",
        options=Options(truncate=body.truncation is not False),
    )
    kept = None
    if body.return_documents:
        sent_back = map(_as_object, body.documents) if prefix else body.documents
        kept = [_to_json(each, f"/documents/{n}") for n, each in enumerate(sent_back)]
    count = body.top_n or body.top_k or len(documents)
    return Reranking(wanted, count, kept)


def _answer(made: Embeddings, reranking: Reranking, prefix: Prefix) -> Response:
    cosines = cosine_similarities(made.vectors[:1], made.vectors[1:])
    tokens = sum(made.tokens)
    results = [
        {"index": int(index), "relevance_score": cosines[0, index]}
        | ({} if reranking.kept is None else {"document": reranking.kept[index]})
        for index in ranking(cosines, reranking.count)[0]
    ]
    return made.response(
        {
            "id": request_id(),
            "object": "list" if prefix else "rerank",
            "model": made.model.name,
            "results": results,
            **({"data": results} if prefix == "/v1" else {}),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            "meta": {"api_version": {"version": "2"}},
        }
    )


def _as_object(document: object) -> object:
    return {"text": document} if isinstance(document, str) else document


def _to_json(document: object, where: str) -> orjson.Fragment:
    """A document as JSON: orjson reads deeper objects than it writes. Raises InvalidRequest."""
    try:
        return orjson.Fragment(orjson.dumps(document))
    except orjson.JSONEncodeError:
        raise invalid(where, "too_deep", "is nested too deeply to be sent back") from None
