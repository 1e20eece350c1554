"""What the OpenAPI document shows is what the service answers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.assembly import assemble
from api.openapi.examples import PATH
from api.settings import ApiSettings
from common.errors import ClipError, codes_of
from tests.contract.examples import executed, service

WRITTEN: list[dict[str, Any]] = json.loads(PATH.read_text())
# What is another at each time: identities, instants, how far the work has come by then.
VOLATILE = re.compile(
    r"^(id|job|name|node|self|cancel|\w+_at|created|unix|time|since|next|\w+_s|done|in_flight|encoded_\w+"
    r"|(configured_)?batch_size)$"
)
UNFINISHED = {"queued", "running", "done"}
# Of any answer, or of HTTP itself.
NOT_DECLARED = {"connection", "content-length", "content-type", "date", "server", "vary"}
NOT_DECLARED |= {"x-content-type-options", "x-request-id"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    told: dict[str, Any] = assemble(ApiSettings()).test_client().get("/openapi.json").get_json()
    return told


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Operations by their ids."""
    paths = document["paths"].values()
    return {each["operationId"]: each for path in paths for each in path.values()}


@pytest.fixture(scope="module")
def headers() -> list[set[str]]:
    """The names of the headers of each answer."""
    return []


@pytest.fixture(scope="module")
def answered(headers: list[set[str]]) -> Iterator[list[dict[str, Any]]]:
    with service() as urls:
        yield executed(urls, headers)


def alike(written: Any, answered: Any, key: str = "") -> bool:
    if isinstance(written, dict):
        # A worker may have started a job before it was cancelled, or not.
        left_out = {"started_at"} if written.get("status") == "cancelled" else set()
        return written.keys() == answered.keys() and all(
            alike(written[key], answered[key], key) for key in written.keys() - left_out
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


def test_the_headers_of_an_answer_are_declared(
    answered: list[dict[str, Any]], headers: list[set[str]], operations: dict[str, dict[str, Any]]
) -> None:
    undeclared = {}
    for example, sent in zip(answered, headers, strict=True):
        answer = operations[example["operation"]]["responses"][str(example["status"])]
        declared = {name.lower() for name in answer.get("headers", ())}
        undeclared[example["name"]] = sent - NOT_DECLARED - declared
    assert not any(undeclared.values()), undeclared


def test_every_operation_has_an_example_but_the_document_itself(
    operations: dict[str, dict[str, Any]],
) -> None:
    assert operations.keys() - {example["operation"] for example in WRITTEN} == {"openapi"}


def shown(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """The name of each example of a body, its schema, and its value."""
    for content in described.get("content", {}).values():
        for name, example in content.get("examples", {}).items():
            yield name, content["schema"], example["value"]


def test_an_example_is_shown_with_what_it_is_of_and_there_alone(
    operations: dict[str, dict[str, Any]],
) -> None:
    found = {
        (operation, status, name)
        for operation, told in operations.items()
        for status, answer in told["responses"].items()
        for name, _, _ in shown(answer)
    }
    executed = {
        (example["operation"], str(example["status"]), example["name"])
        for example in WRITTEN
        if example["answer"] is not None
    }
    assert executed <= found
    # The others are problems, by their codes.
    assert all(int(status) >= 400 for _, status, _ in found - executed)
    assert {name for _, _, name in found - executed} <= codes_of(ClipError)


def test_examples_are_as_the_document_describes_them(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    bodies = [
        body
        for told in operations.values()
        for body in (told.get("requestBody", {}), *told["responses"].values())
    ]
    examples = [example for body in bodies for example in shown(body)]
    assert len(examples) > len(WRITTEN)
    for _, schema, value in examples:
        told = {**schema, "components": document["components"]}
        Draft202012Validator(told).validate(value)


def test_the_document_shows_them_with_their_operations(document: dict[str, Any]) -> None:
    paths = document["paths"]
    rank = paths["/rank"]["post"]
    asked = rank["requestBody"]["content"]["application/json"]["examples"]["an_image"]["value"]
    shown = rank["responses"]["200"]["content"]["application/json"]["examples"]["an_image"]
    assert len(shown["value"]["probabilities"]) == len(asked["queries"])
    parameter = paths["/label-sets/{name}"]["get"]["parameters"][0]
    assert parameter["examples"]["things"]["value"] == "things"
