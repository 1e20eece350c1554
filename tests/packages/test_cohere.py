"""`cohere`: embeddings."""

import asyncio
from typing import Any

import cohere
import httpx
import pytest
from cohere import AsyncClientV2, ClientV2, EmbedInput

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import DATA_URI, OTHER, TEXT, Expected, assert_same, repeat

BAD = "data:image/png;base64,bm8gaW1hZ2U="
OPTIONS: dict[str, Any] = {"model": "demo", "input_type": "image"}


def client_of(url: str, key: str = KEY, **options: Any) -> ClientV2:
    return ClientV2(key, base_url=url, **({"max_retries": 0} | options))


@pytest.fixture
def client(services: Services) -> ClientV2:
    return client_of(services.plain)


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
    ("options", "kind"),
    [
        ({"images": [BAD]}, cohere.BadRequestError),
        ({"texts": [TEXT], "images": [DATA_URI]}, cohere.BadRequestError),
        ({"texts": [TEXT], "output_dimension": 7}, cohere.BadRequestError),
        ({"texts": [TEXT], "model": "embed-v4.0"}, cohere.NotFoundError),
    ],
)
def test_errors_have_its_classes(
    client: ClientV2, options: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        client.embed(**(OPTIONS | options))
    assert getattr(caught.value, "body", {})["message"]


def test_a_wrong_key_is_its_unauthorized(services: Services) -> None:
    with pytest.raises(cohere.UnauthorizedError):
        client_of(services.plain, "wrong").embed(texts=[TEXT], **OPTIONS)


def test_over_the_rate_it_waits_as_told_and_tries_again(
    services: Services, expected: Expected
) -> None:
    limited = client_of(services.limited)
    with pytest.raises(cohere.TooManyRequestsError):
        repeat(lambda: limited.embed(texts=[TEXT], **OPTIONS))
    statuses: list[int] = []
    hooks = {"response": [lambda response: statuses.append(response.status_code)]}
    patient = client_of(
        services.limited, max_retries=3, httpx_client=httpx.Client(event_hooks=hooks)
    )
    while 429 not in statuses:
        assert_same(patient.embed(texts=[TEXT], **OPTIONS).embeddings.float_, [expected.text])
    assert statuses[-1] == 200


def test_a_full_queue_is_its_service_unavailable(services: Services) -> None:
    with pytest.raises(cohere.ServiceUnavailableError) as caught:
        client_of(services.full).embed(texts=["not seen", "nor was this"], **OPTIONS)
    assert caught.value.headers
    assert int(caught.value.headers["retry-after"]) > 0
