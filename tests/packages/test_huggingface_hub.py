"""`huggingface_hub`'s InferenceClient."""

import asyncio
from typing import Any

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import BadRequestError

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import (
    IMAGE,
    LABELS,
    TEXT,
    Expected,
    assert_same,
)


def client_of(url: str, path: str = "/hf") -> InferenceClient:
    return InferenceClient(model=f"{url}{path}", token=KEY)


@pytest.mark.parametrize("path", ["", "/hf"])
def test_images_are_classified(services: Services, ranked: dict[str, float], path: str) -> None:
    client = client_of(services.plain, path=path)
    told = client.zero_shot_image_classification(IMAGE, candidate_labels=LABELS)
    assert {each.label: each.score for each in told} == pytest.approx(ranked, abs=2e-4)
    assert told[0].score >= told[1].score


def test_labels_in_the_url_classify_too(services: Services, ranked: dict[str, float]) -> None:
    client = client_of(services.plain, path=f"/hf?candidate_labels={','.join(LABELS)}")
    told = client.image_classification(IMAGE)
    assert {each.label: each.score for each in told} == pytest.approx(ranked, abs=2e-4)
    assert client.image_classification(IMAGE, top_k=1)[0].label == told[0].label


def test_texts_become_features(services: Services, expected: Expected) -> None:
    client = client_of(services.plain)
    assert_same(client.feature_extraction(TEXT), [expected.text])
    assert_same(client.feature_extraction(TEXT, normalize=True), [expected.text])


def test_it_works_asynchronously(services: Services, expected: Expected) -> None:
    async def features() -> Any:
        async with AsyncInferenceClient(model=f"{services.plain}/hf", token=KEY) as client:
            return await client.feature_extraction(TEXT)

    assert_same(asyncio.run(features()), [expected.text])


def test_bad_input_is_its_bad_request(services: Services) -> None:
    client = client_of(services.plain)
    with pytest.raises(BadRequestError, match="inputs is not an image"):
        client.zero_shot_image_classification(b"no image", candidate_labels=LABELS)
    with pytest.raises(BadRequestError):
        client.feature_extraction(TEXT, dimensions=7)
