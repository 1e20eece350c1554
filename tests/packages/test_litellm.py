"""`litellm`."""

from typing import Any

import litellm
import pytest

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import DATA_URI, OTHER, TEXT, Expected, assert_same


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1"),
        ("hosted_vllm", "/v1"),
        ("jina_ai", "/v1"),
        ("voyage", "/v1"),
        ("infinity", ""),
        ("cohere", "/v2/embed"),
    ],
)
def test_images_are_embedded_though_it_sends_strings(
    services: Services, expected: Expected, provider: str, path: str
) -> None:
    for given, vector in ((DATA_URI, expected.image), (TEXT, expected.text)):
        told = litellm.embedding(
            model=f"{provider}/demo",
            input=[given],
            api_base=services.plain + path,
            api_key=KEY,
        )
        assert_same([each["embedding"] for each in told.data], [vector])


@pytest.mark.parametrize(
    ("provider", "path"),
    [("cohere", ""), ("jina_ai", ""), ("infinity", ""), ("hosted_vllm", "/v1"), ("voyage", "")],
)
def test_documents_are_reranked(services: Services, provider: str, path: str) -> None:
    told: Any = litellm.rerank(
        model=f"{provider}/demo",
        query=TEXT,
        documents=[OTHER, TEXT],
        api_base=services.plain + path,
        api_key=KEY,
    )
    assert [each["index"] for each in told.results] == [1, 0]
    assert told.results[0]["document"]["text"] == TEXT
