"""`voyageai`: multimodal embeddings, and reranking."""

import asyncio
import io
from typing import Any

import pytest
import voyageai
from PIL import Image
from voyageai import error

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import IMAGE, OTHER, TEXT, Expected, assert_same


def options_of(services: Services) -> dict[str, str]:
    return {"api_key": KEY, "base_url": f"{services.plain}/v1"}


def embed(services: Services, inputs: Any, **options: Any) -> Any:
    client = voyageai.Client(**options_of(services))
    return client.multimodal_embed(inputs, **({"model": "demo"} | options))


def image() -> Image.Image:
    return Image.open(io.BytesIO(IMAGE))


def test_texts_images_and_both_are_embedded(services: Services, expected: Expected) -> None:
    made = embed(services, [[TEXT], [image()], [TEXT, image()]])
    assert_same(made.embeddings, [expected.text, expected.image, expected.mean])
    assert made.text_tokens == made.total_tokens > 0


def test_types_of_numbers_come_as_it_reads_them(services: Services, expected: Expected) -> None:
    made = embed(services, [[TEXT]], output_dtype="int8")
    assert list(made.embeddings[0]) == pytest.approx(expected.text * 127, abs=1)


def test_texts_alone_are_embedded(services: Services, expected: Expected) -> None:
    client = voyageai.Client(**options_of(services))
    assert_same(
        client.embed([TEXT, OTHER], model="demo").embeddings, [expected.text, expected.other]
    )
    [row] = client.embed([TEXT], model="demo", output_dtype="int8").embeddings
    assert list(row) == pytest.approx(expected.text * 127, abs=1)
    with pytest.raises(error.InvalidRequestError, match="output_dimension"):
        client.embed([TEXT], model="demo", output_dimension=7)


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    client = voyageai.AsyncClient(**options_of(services))
    made = asyncio.run(client.multimodal_embed([[TEXT], [OTHER]], model="demo"))
    assert_same(made.embeddings, [expected.text, expected.other])


def test_documents_are_reranked(services: Services) -> None:
    client = voyageai.Client(**options_of(services))
    [best] = client.rerank(TEXT, [OTHER, TEXT], model="demo", top_k=1).results
    assert (best.index, best.document) == (1, TEXT)
    assert best.relevance_score == pytest.approx(1, abs=2e-4)


def test_errors_say_what_is_wrong(services: Services) -> None:
    with pytest.raises(error.InvalidRequestError, match=r"inputs\[1\].content\[0\].text has"):
        embed(services, [[TEXT], ["a" * 20_001]])
    with pytest.raises(error.APIError, match="'voyage-multimodal-3', which is not served"):
        embed(services, [[TEXT]], model="voyage-multimodal-3")
