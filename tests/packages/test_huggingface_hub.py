"""`huggingface_hub`'s InferenceClient."""

import asyncio
from typing import Any

import httpx
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import (
    BASE64,
    IMAGE,
    OTHER,
    TEXT,
    Expected,
    assert_same,
    repeat,
)

LABELS = [TEXT, OTHER]


def client_of(url: str, key: str = KEY, path: str = "/hf") -> InferenceClient:
    return InferenceClient(model=f"{url}{path}", token=key)


@pytest.fixture
def ranked(services: Services) -> dict[str, float]:
    """The probabilities of /rank."""
    body = {
        "queries": [{"img_blob": BASE64}],
        "candidates": [{"text": label} for label in LABELS],
        "template": "This is a photo of {}.",
    }
    answer = httpx.post(f"{services.plain}/rank", json=body, headers={"X-API-Key": KEY})
    [row] = answer.raise_for_status().json()["probabilities"]
    return dict(zip(LABELS, row, strict=True))


@pytest.mark.parametrize("path", ["", "/hf"])
def test_images_are_classified(services: Services, ranked: dict[str, float], path: str) -> None:
    client = client_of(services.plain, path=path)
    told = client.zero_shot_image_classification(IMAGE, candidate_labels=LABELS)
    assert {each.label: each.score for each in told} == pytest.approx(ranked, abs=2e-4)
    assert told[0].score >= told[1].score


def test_texts_become_features(services: Services, expected: Expected) -> None:
    client = client_of(services.plain)
    assert_same(client.feature_extraction(TEXT), [expected.text])
    assert_same(client.feature_extraction([TEXT, OTHER]), [expected.text, expected.other])
    assert_same(client.feature_extraction(TEXT, normalize=True), [expected.text])


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    async def features() -> Any:
        async with AsyncInferenceClient(model=f"{services.plain}/hf", token=KEY) as client:
            return await client.feature_extraction(TEXT)

    assert_same(asyncio.run(features()), [expected.text])


def status_of(call: Any) -> int:
    with pytest.raises(HfHubHTTPError) as caught:
        call()
    return caught.value.response.status_code


def test_bad_input_is_its_bad_request(services: Services) -> None:
    client = client_of(services.plain)
    with pytest.raises(BadRequestError, match="inputs is not an image"):
        client.zero_shot_image_classification(b"no image", candidate_labels=LABELS)
    with pytest.raises(BadRequestError):
        client.feature_extraction(TEXT, dimensions=7)


def test_other_errors_are_of_its_class(services: Services) -> None:
    unknown = client_of(services.plain, path="/hf?model=nowhere")
    assert status_of(lambda: unknown.feature_extraction(TEXT)) == 404
    assert status_of(lambda: client_of(services.plain, "wrong").feature_extraction(TEXT)) == 401
    full = client_of(services.full)
    assert status_of(lambda: full.feature_extraction(["not seen", "nor was this"])) == 503
    # It has no retries of its own.
    limited = client_of(services.limited)
    assert status_of(lambda: repeat(lambda: limited.feature_extraction(TEXT))) == 429
