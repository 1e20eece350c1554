"""`voyageai`: multimodal embeddings."""

import asyncio
import io
from typing import Any

import pytest
import voyageai
from PIL import Image
from voyageai import error

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import IMAGE, OTHER, TEXT, Expected, assert_same, repeat

PATIENT = 6
"""Tries, the later ones after seconds: in them the limit passes."""


def options_of(url: str, **options: Any) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": f"{url}/v1"} | options


def embed(url: str, inputs: Any, model: str = "demo", **options: Any) -> Any:
    client = voyageai.Client(**options_of(url, **options))
    return client.multimodal_embed(inputs, model=model)


def image() -> Image.Image:
    return Image.open(io.BytesIO(IMAGE))


def test_texts_images_and_both_are_embedded(services: Services, expected: Expected) -> None:
    made = embed(services.plain, [[TEXT], [image()], [TEXT, image()]])
    assert_same(made.embeddings, [expected.text, expected.image, expected.mean])
    assert made.text_tokens == made.total_tokens > 0


def test_types_of_numbers_come_as_it_reads_them(services: Services, expected: Expected) -> None:
    client = voyageai.Client(**options_of(services.plain))
    made = client.multimodal_embed([[TEXT]], model="demo", output_dtype="int8")
    assert list(made.embeddings[0]) == pytest.approx(expected.text * 127, abs=1)


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    client = voyageai.AsyncClient(**options_of(services.plain))
    made = asyncio.run(client.multimodal_embed([[TEXT], [OTHER]], model="demo"))
    assert_same(made.embeddings, [expected.text, expected.other])


def test_errors_have_its_classes(services: Services) -> None:
    with pytest.raises(error.InvalidRequestError, match=r"inputs\[1\].content\[0\].text has"):
        embed(services.plain, [[TEXT], ["a" * 20_001]])
    with pytest.raises(
        error.APIError, match="'voyage-multimodal-3', which is not served"
    ) as caught:
        embed(services.plain, [[TEXT]], model="voyage-multimodal-3")
    assert caught.value.http_status == 404
    with pytest.raises(error.AuthenticationError):
        embed(services.plain, [[TEXT]], api_key="wrong")


def test_over_the_rate_it_tries_again_or_says_so(services: Services, expected: Expected) -> None:
    with pytest.raises(error.RateLimitError) as caught:
        repeat(lambda: embed(services.limited, [[TEXT]]))
    assert int(caught.value.headers["Retry-After"]) > 0
    patient = embed(services.limited, [[TEXT]], max_retries=PATIENT)
    assert_same(patient.embeddings, [expected.text])


def test_a_full_queue_is_its_service_unavailable(services: Services) -> None:
    with pytest.raises(error.ServiceUnavailableError):
        embed(services.full, [["not seen"], ["nor was this"]])
