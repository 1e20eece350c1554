"""What the OpenAPI document shows is what the service answers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.openapi.document import document
from api.openapi.examples import PATH
from api.settings import ApiSettings
from tests.contract.examples import executed, service

WRITTEN: list[dict[str, Any]] = json.loads(PATH.read_text())
# What is another at each time: identities, instants, how far the work has come by then.
VOLATILE = re.compile(
    r"^(id|job|name|self|cancel|\w+_at|since|next|\w+_s|done|in_flight|batch_size)$"
)
UNFINISHED = {"queued", "running", "done"}


@pytest.fixture(scope="module")
def answered() -> Iterator[list[dict[str, Any]]]:
    with service() as url:
        yield executed(url)


def alike(written: Any, answered: Any, key: str = "") -> bool:
    if isinstance(written, dict):
        return written.keys() == answered.keys() and all(
            alike(written[key], answered[key], key) for key in written
        )
    if isinstance(written, list):
        return len(written) == len(answered) and all(
            alike(one, other, key) for one, other in zip(written, answered, strict=True)
        )
    if VOLATILE.match(key) or {written, answered} <= UNFINISHED:
        return (written is None) == (answered is None)
    if isinstance(written, float):
        return bool(answered == pytest.approx(written, abs=2e-3))
    return bool(written == answered)


def test_asked_again_the_service_answers_as_written(answered: list[dict[str, Any]]) -> None:
    assert [example["name"] for example in answered] == [example["name"] for example in WRITTEN]
    for written, again in zip(WRITTEN, answered, strict=True):
        assert alike(written, again), f"{written}\n{again}"


def test_every_operation_has_an_example_but_the_document_itself() -> None:
    operations = {
        operation["operationId"]
        for path in document(ApiSettings())["paths"].values()
        for operation in path.values()
    }
    assert operations - {example["operation"] for example in WRITTEN} == {"openapi"}


def test_the_document_shows_them_with_their_operations() -> None:
    paths = document(ApiSettings())["paths"]
    rank = paths["/rank"]["post"]
    asked = rank["requestBody"]["content"]["application/json"]["examples"]["an_image"]["value"]
    shown = rank["responses"]["200"]["content"]["application/json"]["examples"]["an_image"]
    assert len(shown["value"]["probabilities"]) == len(asked["queries"])
    parameter = paths["/label-sets/{name}"]["get"]["parameters"][0]
    assert parameter["examples"]["things"]["value"] == "things"
