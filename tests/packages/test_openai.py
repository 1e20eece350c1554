"""`openai`, synchronous and asynchronous."""

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import CreateEmbeddingResponse

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import (
    BASE64,
    DATA_URI,
    MANY,
    OTHER,
    TEXT,
    Expected,
    assert_same,
    repeat,
)


def client_of(url: str, **options: Any) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", **({"api_key": KEY, "max_retries": 0} | options))


@pytest.fixture
def client(services: Services) -> OpenAI:
    return client_of(services.plain)


def create(client: OpenAI, given: Any, **options: Any) -> CreateEmbeddingResponse:
    return client.embeddings.create(**({"model": "demo", "input": given} | options))


def test_texts_are_embedded_in_base64_which_it_asks_for(client: OpenAI, expected: Expected) -> None:
    told = create(client, [TEXT, OTHER])
    assert_same([each.embedding for each in told.data], [expected.text, expected.other])
    assert (told.model, told.data[1].index) == ("demo", 1)
    assert told.usage.total_tokens == told.usage.prompt_tokens > 0


@pytest.mark.parametrize("model", ["an-alias", ""])
def test_numbers_come_too_and_models_have_aliases(
    client: OpenAI, expected: Expected, model: str
) -> None:
    told = create(client, TEXT, encoding_format="float", model=model)
    assert_same(told.data[0].embedding, expected.text)


def test_images_are_embedded_as_infinity_and_jina_have_them(
    client: OpenAI, expected: Expected
) -> None:
    told = create(client, [DATA_URI], extra_body={"modality": "image"})
    assert_same(told.data[0].embedding, expected.image)
    told = create(client, [{"image": BASE64}, {"text": TEXT}])
    assert_same([each.embedding for each in told.data], [expected.image, expected.text])


def test_messages_are_embedded_as_vllm_has_them(client: OpenAI, expected: Expected) -> None:
    content = [
        {"type": "image_url", "image_url": {"url": DATA_URI}},
        {"type": "text", "text": TEXT},
    ]
    body = {"model": "demo", "messages": [{"role": "user", "content": content}]}
    told = client.post("/embeddings", cast_to=CreateEmbeddingResponse, body=body)
    assert_same(told.data[0].embedding, expected.mean)


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    async def embed() -> list[CreateEmbeddingResponse]:
        async with AsyncOpenAI(base_url=f"{services.plain}/v1", api_key=KEY) as client:
            texts = (TEXT, OTHER)
            calls = (client.embeddings.create(model="demo", input=text) for text in texts)
            return await asyncio.gather(*calls)

    told = asyncio.run(embed())
    assert_same([each.data[0].embedding for each in told], [expected.text, expected.other])


def test_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo", "an-alias"]
    assert client.models.retrieve("demo").owned_by == "clip-api"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-5")


def test_bad_input_is_its_bad_request(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, [TEXT, {"image": "bm8gaW1hZ2U="}])
    error = caught.value
    assert (error.code, error.param) == ("not_an_image", "input[1].image")
    assert error.type == "invalid_request_error"
    assert "input[1].image is not an image" in error.message


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        create(client, TEXT, model="text-embedding-3-small")
    assert caught.value.code == "model_not_found"


def test_a_wrong_key_is_its_authentication_error(services: Services) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        create(client_of(services.plain, api_key="wrong"), TEXT)
    assert caught.value.code == "invalid_api_key"


def test_a_body_that_is_too_large_is_refused_by_its_class(services: Services) -> None:
    huge = "a" * 101_000_000
    with pytest.raises(openai.APIStatusError) as caught:
        create(client_of(services.plain), huge)
    assert caught.value.status_code == 413


def test_over_the_rate_it_waits_as_told_and_tries_again(services: Services) -> None:
    client = client_of(services.limited, max_retries=3)
    tries = []
    for _ in range(MANY):
        raw = client.embeddings.with_raw_response.create(model="demo", input=TEXT)
        tries.append(raw.retries_taken)
        if tries[-1]:
            return
    raise AssertionError(f"never over the rate: {tries}")


def test_over_the_rate_without_retries_is_its_rate_limit_error(services: Services) -> None:
    client = client_of(services.limited)
    with pytest.raises(openai.RateLimitError) as caught:
        repeat(lambda: create(client, TEXT))
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["Retry-After"]) > 0


def test_a_full_queue_is_its_server_error_with_a_time_to_retry(services: Services) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        create(client_of(services.full), ["never seen", "nor was this"])
    assert (caught.value.status_code, caught.value.code) == (503, "queue_full")
    assert int(caught.value.response.headers["Retry-After"]) > 0
