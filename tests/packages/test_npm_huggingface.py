"""npm's `@huggingface/inference`, where Node is."""

import pytest

from tests.packages.addresses import Services
from tests.packages.conftest import OTHER, SAMPLES, TEXT, Expected, assert_same
from tests.packages.node import needs, told_by


@needs("@huggingface")
def test_it_classifies_images_and_raises_its_own_class(
    services: Services, expected: Expected
) -> None:
    given = {"IMAGE": str(SAMPLES / "cat.png"), "TEXT": TEXT, "OTHER": OTHER}
    told = told_by("huggingface.mjs", services, **given)
    assert [each["label"] for each in told["classes"]] == [TEXT, OTHER]
    assert sum(each["score"] for each in told["classes"]) == pytest.approx(1, abs=1e-4)
    assert_same(told["features"], [expected.text, expected.other])
    assert told["errors"] == [["InferenceClientProviderApiError", 400 + n] for n in (0, 4, 1)]
