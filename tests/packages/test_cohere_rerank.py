"""`cohere`: reranking."""

import cohere
import pytest
from cohere import ClientV2

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import OTHER, TEXT, Expected, assert_same, use_up


def client_of(url: str, key: str = KEY) -> ClientV2:
    return ClientV2(key, base_url=url, max_retries=0)


@pytest.fixture
def client(services: Services) -> ClientV2:
    return client_of(services.plain)


def test_documents_are_reranked_by_both_of_its_clients(
    services: Services, client: ClientV2, expected: Expected
) -> None:
    cosines = [expected.text @ expected.other, 1.0]
    told = client.rerank(model="demo", query=TEXT, documents=[OTHER, TEXT])
    assert [each.index for each in told.results] == [1, 0]
    assert_same([each.relevance_score for each in told.results], cosines[::-1])
    early = cohere.Client(KEY, base_url=services.plain).rerank(
        model="demo", query=TEXT, documents=[OTHER, TEXT], top_n=1, return_documents=True
    )
    [best] = early.results
    assert best.document
    assert best.document.text == TEXT


def test_reranking_has_its_errors_too(client: ClientV2, services: Services) -> None:
    with pytest.raises(cohere.BadRequestError):
        client.rerank(model="demo", query=TEXT, documents=[])
    with pytest.raises(cohere.NotFoundError):
        client.rerank(model="rerank-v3.5", query=TEXT, documents=[OTHER])
    with pytest.raises(cohere.UnauthorizedError):
        client_of(services.plain, "wrong").rerank(model="demo", query=TEXT, documents=[OTHER])
    with pytest.raises(cohere.ServiceUnavailableError):
        client_of(services.full).rerank(model="demo", query="not seen", documents=["nor this"])
    with pytest.raises(cohere.TooManyRequestsError):
        rerank_until_refused(services)


def rerank_until_refused(services: Services) -> None:
    client = client_of(services.limited)
    while True:
        use_up(services)
        client.rerank(model="demo", query=TEXT, documents=[OTHER])
