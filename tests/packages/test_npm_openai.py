"""npm's `openai`, where Node is."""

import json

from tests.packages.addresses import Services
from tests.packages.conftest import BASE64, TEXT, Expected, assert_same
from tests.packages.node import needs, told_by


@needs("openai")
def test_it_embeds_lists_models_and_raises_its_own_classes(
    services: Services, expected: Expected
) -> None:
    told = told_by("openai.mjs", services, INPUT=json.dumps([TEXT, {"image": BASE64}]))
    assert_same(told["vectors"], [expected.text, expected.image])
    assert told["tokens"] > 0
    assert told["models"] == ["demo", "an-alias"]
    assert told["errors"] == ["BadRequestError", "NotFoundError", "AuthenticationError"]
