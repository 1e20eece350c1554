"""`openai`: what it sends and reads beyond lists of texts."""

from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import CreateEmbeddingResponse

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import BASE64, DATA_URI, TEXT, Expected, assert_same


@pytest.fixture
def client(services: Services) -> OpenAI:
    return OpenAI(base_url=f"{services.plain}/v1", api_key=KEY, max_retries=0)


def create(client: OpenAI, given: Any, **options: Any) -> CreateEmbeddingResponse:
    return client.embeddings.create(**({"model": "demo", "input": given} | options))


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
    assert (told.model, told.data[1].index) == ("demo", 1)
    assert told.usage.total_tokens == told.usage.prompt_tokens > 0


def test_messages_are_embedded_as_vllm_has_them(client: OpenAI, expected: Expected) -> None:
    content = [
        {"type": "image_url", "image_url": {"url": DATA_URI}},
        {"type": "text", "text": TEXT},
    ]
    body = {"model": "demo", "messages": [{"role": "user", "content": content}]}
    told = client.post("/embeddings", cast_to=CreateEmbeddingResponse, body=body)
    assert_same(told.data[0].embedding, expected.mean)


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


def test_token_ids_which_langchain_openai_sends_by_default_are_explained(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        create(client, [[1212, 318]])


def test_a_body_that_is_too_large_is_refused_by_its_class(client: OpenAI) -> None:
    huge = "a" * 101_000_000
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, huge)
    assert caught.value.status_code == 413
