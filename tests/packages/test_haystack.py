"""Haystack's components for Cohere."""

from typing import Any

import pytest
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.embedders.cohere import (
    CohereDocumentImageEmbedder,
    CohereTextEmbedder,
)
from haystack_integrations.components.rankers.cohere import CohereRanker

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import IMAGE_PATH, OTHER, TEXT, Expected, assert_same


@pytest.fixture
def options(services: Services) -> dict[str, Any]:
    return {
        "model": "demo",
        "api_base_url": services.plain,
        "api_key": Secret.from_token(KEY),
    }


def test_texts_and_images_are_embedded(options: dict[str, Any], expected: Expected) -> None:
    assert_same(CohereTextEmbedder(**options).run(TEXT)["embedding"], expected.text)
    document = Document(meta={"file_path": str(IMAGE_PATH)})
    [embedded] = CohereDocumentImageEmbedder(**options).run([document])["documents"]
    # It sends the image as a JPEG.
    assert embedded.embedding @ expected.image > 0.99


def test_documents_are_ranked(options: dict[str, Any]) -> None:
    documents = [Document(content=OTHER), Document(content=TEXT)]
    ranked = CohereRanker(**options).run(TEXT, documents)["documents"]
    assert [each.content for each in ranked] == [TEXT, OTHER]
