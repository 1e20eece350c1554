"""`langchain-openai`: queries, and asynchronously."""

import asyncio

from tests.packages.addresses import Services
from tests.packages.callers import Call, langchain
from tests.packages.conftest import OTHER, TEXT, Expected, assert_same


def test_queries_are_embedded_and_texts_asynchronously(
    services: Services, expected: Expected
) -> None:
    embeddings = langchain(Call(services.plain, []))
    assert_same(embeddings.embed_query(TEXT), expected.text)
    told = asyncio.run(embeddings.aembed_documents([TEXT, OTHER]))
    assert_same(told, [expected.text, expected.other])
