"""Reranking, as Cohere, Jina, Infinity and vLLM have it."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.dialects.refusals import Headers, assert_refusals
from tests.api.dialects.vectors import BAD, BASE64, DATA_URI, IMAGE, OTHER, TEXT, expected
from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api

PATHS = ("/v1/rerank", "/v2/rerank", "/rerank")
KEY = "a-key-of-rerank-0123456789"
DOCUMENTS = ["pizza", {"text": OTHER}, {"image": DATA_URI}]


def rerank(service: Api, path: str = "/v2/rerank", **body: Any) -> Any:
    answer = service.post(path, {"model": DEMO_MODEL.name} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "item"),
    [
        (TEXT, {"text": TEXT}),
        ({"text": TEXT}, {"text": TEXT}),
        ({"image": BASE64}, IMAGE),
        (DATA_URI, IMAGE),
    ],
)
def test_scores_are_cosine_similarities(
    service: Api, path: str, query: Any, item: dict[str, str]
) -> None:
    told = rerank(service, path, query=query, documents=DOCUMENTS)
    rows = expected(service, item, {"text": "pizza"}, {"text": OTHER}, IMAGE)
    cosines = rows[1:] @ rows[0]
    assert [each["index"] for each in told["results"]] == (-cosines).argsort().tolist()
    for each in told["results"]:
        assert set(each) == {"index", "relevance_score"}
        assert each["relevance_score"] == pytest.approx(cosines[each["index"]], abs=2e-4)
    assert told["model"] == DEMO_MODEL.name
    assert told["usage"]["total_tokens"] > 0


def test_only_the_best_come_with_their_documents(service: Api) -> None:
    told = rerank(service, query=TEXT, documents=DOCUMENTS, top_n=2, return_documents=True)
    assert len(told["results"]) == 2
    known = [{"text": "pizza"}, *DOCUMENTS[1:]]
    assert all(each["document"] == known[each["index"]] for each in told["results"])
    assert len(rerank(service, query=TEXT, documents=["a"], top_n=9)["results"]) == 1


def test_v1_has_data_for_voyage(service: Api) -> None:
    told = rerank(service, "/v1/rerank", query=TEXT, documents=DOCUMENTS)
    assert told["data"] == told["results"]
    assert len(told["data"]) == 3
    for path in ("/v2/rerank", "/rerank"):
        assert "data" not in rerank(service, path, query=TEXT, documents=DOCUMENTS, top_k=2)


def test_top_k_is_top_n(service: Api) -> None:
    assert len(rerank(service, query=TEXT, documents=DOCUMENTS, top_k=2)["results"]) == 2
    both = rerank(service, query=TEXT, documents=DOCUMENTS, top_k=2, top_n=1)
    assert len(both["results"]) == 1


def test_infinity_has_an_object_and_strings_of_its_own(service: Api) -> None:
    body = {"query": TEXT, "documents": DOCUMENTS, "return_documents": True}
    told = rerank(service, "/rerank", **body)
    assert told["object"] == "rerank"
    assert all(each["document"] == DOCUMENTS[each["index"]] for each in told["results"])
    assert rerank(service, "/v1/rerank", **body)["object"] == "list"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"documents": ["a"]}, "query is missing"),
        ({"query": TEXT}, "documents needs at least one"),
        ({"query": TEXT, "documents": []}, "documents needs at least one"),
        ({"query": TEXT, "documents": ["a"], "top_n": 0}, "top_n must be at least 1"),
        ({"query": TEXT, "documents": ["a"], "top_k": 0}, "top_k must be at least 1"),
        ({"query": TEXT, "documents": ["a", {"image": BAD}]}, "documents[1].image is not an"),
        ({"query": {"image": BAD}, "documents": ["a"]}, "query.image is not an image"),
        (
            {"query": TEXT, "documents": ["a"] * 1000},
            "documents has 1000 items; the limit beside the query is 999",
        ),
        ({"query": TEXT, "documents": ["b " * 200], "truncation": False}, "is longer than the"),
        ({"query": 3, "documents": ["a"]}, "query must be"),
    ],
)
def test_bad_input_is_400_and_named(service: Api, body: Any, message: str) -> None:
    answer = service.post("/v1/rerank", body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"id", "message", "detail"}
    assert message in answer.json()["message"] == answer.json()["detail"]


def test_a_document_that_cannot_be_sent_back_is_refused(service: Api) -> None:
    deep: Any = "a"
    for _ in range(300):
        deep = [deep]
    body = {"query": TEXT, "documents": ["a", {"text": OTHER, "tags": deep}]}
    assert service.post("/rerank", body).status_code == 200
    answer = service.post("/rerank", body | {"return_documents": True})
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("documents[1] is nested too deeply")


@pytest.mark.parametrize("path", PATHS)
def test_refusals_have_its_shape(make_client: ClientMaker, path: str) -> None:
    def post(client: FlaskClient, headers: Headers, model: str) -> TestResponse:
        body = {"query": "not seen by rerank", "documents": ["nor was this"]}
        return client.post(path, json=body | ({"model": model} if model else {}), headers=headers)

    assert_refusals(make_client, post, f"{KEY}{path}", {"id", "message", "detail"})
