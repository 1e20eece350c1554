"""npm's `openai` and `@huggingface/inference`, where Node is: images, and the list of models."""

from typing import Any

import pytest

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import BASE64, IMAGE_PATH, LABELS, TEXT, Expected, assert_same
from tests.packages.node import is_installed, run


def run_plain(task: str, services: Services, **given: object) -> Any:
    return run(task, url=services.plain, key=KEY, model="demo", **given)


@pytest.mark.skipif(not is_installed("openai"), reason="needs npm")
def test_openai_embeds_images_and_lists_models(services: Services, expected: Expected) -> None:
    vectors = run_plain("openai", services, inputs=[TEXT, {"image": BASE64}])
    assert_same(vectors, [expected.text, expected.image])
    assert run_plain("openai models", services) == ["demo", "an-alias"]


@pytest.mark.skipif(not is_installed("@huggingface/inference"), reason="needs npm")
def test_huggingface_classifies_images(services: Services, ranked: dict[str, float]) -> None:
    told = run_plain("huggingface classes", services, inputs=LABELS, image=str(IMAGE_PATH))
    assert [each["label"] for each in told] == LABELS
    assert {each["label"]: each["score"] for each in told} == pytest.approx(ranked, abs=2e-4)
