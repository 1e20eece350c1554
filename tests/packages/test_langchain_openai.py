"""`langchain-openai`."""

import asyncio
from typing import Any

import openai
import pytest
from langchain_openai import OpenAIEmbeddings

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import OTHER, TEXT, Expected, assert_same, repeat


def embeddings_of(url: str, **options: Any) -> OpenAIEmbeddings:
    defaults = {"model": "demo", "api_key": KEY, "check_embedding_ctx_length": False}
    return OpenAIEmbeddings(base_url=f"{url}/v1", **(defaults | {"max_retries": 0} | options))


def test_texts_and_queries_are_embedded(services: Services, expected: Expected) -> None:
    embeddings = embeddings_of(services.plain)
    told = embeddings.embed_documents([TEXT, OTHER])
    assert_same(told, [expected.text, expected.other])
    assert_same(embeddings.embed_query(TEXT), expected.text)


def test_they_are_embedded_asynchronously(services: Services, expected: Expected) -> None:
    told = asyncio.run(embeddings_of(services.plain).aembed_documents([TEXT, OTHER]))
    assert_same(told, [expected.text, expected.other])


def test_token_ids_which_it_sends_by_default_are_explained(services: Services) -> None:
    client = openai.OpenAI(base_url=f"{services.plain}/v1", api_key=KEY, max_retries=0)
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model="demo", input=[[1212, 318]])


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"model": "nowhere"}, openai.NotFoundError),
        ({"api_key": "wrong"}, openai.AuthenticationError),
        ({"dimensions": 7}, openai.BadRequestError),
    ],
)
def test_errors_have_the_classes_of_openai(
    services: Services, options: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        embeddings_of(services.plain, **options).embed_query(TEXT)


def test_over_the_rate_it_tries_again_or_says_so(services: Services, expected: Expected) -> None:
    with pytest.raises(openai.RateLimitError):
        repeat(lambda: embeddings_of(services.limited).embed_query(TEXT))
    patient = embeddings_of(services.limited, max_retries=3)
    assert_same(patient.embed_query(TEXT), expected.text)


def test_a_full_queue_is_a_server_error(services: Services) -> None:
    with pytest.raises(openai.InternalServerError):
        embeddings_of(services.full).embed_documents(["not seen yet", "nor was this one"])
