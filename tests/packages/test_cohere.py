"""`cohere`: embeddings."""

import asyncio
from typing import Any

import cohere
import pytest
from cohere import AsyncClientV2, ClientV2, EmbedInput

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import DATA_URI, OTHER, TEXT, Expected, assert_same

BAD = "data:image/png;base64,bm8gaW1hZ2U="
OPTIONS: dict[str, Any] = {"model": "demo", "input_type": "image"}


@pytest.fixture
def client(services: Services) -> ClientV2:
    return ClientV2(KEY, base_url=services.plain, max_retries=0)


def test_texts_and_images_are_embedded(client: ClientV2, expected: Expected) -> None:
    texts = client.embed(texts=[TEXT, OTHER], **OPTIONS)
    assert_same(texts.embeddings.float_, [expected.text, expected.other])
    assert texts.texts == [TEXT, OTHER]
    assert texts.meta
    assert texts.meta.billed_units
    assert texts.meta.billed_units.input_tokens
    types = ["float", "int8", "ubinary", "base64"]
    images = client.embed(images=[DATA_URI], embedding_types=types, **OPTIONS).embeddings
    assert_same(images.float_, [expected.image])
    assert images.int8
    assert images.int8[0] == pytest.approx(expected.image * 127, abs=1)
    assert images.ubinary
    assert len(images.ubinary[0]) == len(expected.image) / 8
    assert images.base64


def test_its_earlier_client_embeds_too(services: Services, expected: Expected) -> None:
    client = cohere.Client(KEY, base_url=services.plain)
    texts = client.embed(texts=[TEXT, OTHER], **OPTIONS)
    assert_same(texts.embeddings, [expected.text, expected.other])
    images: Any = client.embed(images=[DATA_URI], embedding_types=["float"], **OPTIONS)
    assert_same(images.embeddings.float_, [expected.image])


def test_a_text_and_an_image_have_one_vector(client: ClientV2, expected: Expected) -> None:
    content = [
        {"type": "text", "text": TEXT},
        {"type": "image_url", "image_url": {"url": DATA_URI}},
    ]
    made = client.embed(inputs=[EmbedInput(content=content)], **OPTIONS)
    assert_same(made.embeddings.float_, [expected.mean])


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    async def embed() -> Any:
        client = AsyncClientV2(KEY, base_url=services.plain)
        return await client.embed(texts=[TEXT], **OPTIONS)

    assert_same(asyncio.run(embed()).embeddings.float_, [expected.text])


@pytest.mark.parametrize(
    "options",
    [
        {"images": [BAD]},
        {"texts": [TEXT], "images": [DATA_URI]},
        {"texts": [TEXT], "output_dimension": 7},
    ],
)
def test_bad_input_is_its_bad_request(client: ClientV2, options: dict[str, Any]) -> None:
    with pytest.raises(cohere.BadRequestError) as caught:
        client.embed(**(OPTIONS | options))
    assert caught.value.body["message"]
